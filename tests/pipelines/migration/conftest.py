"""Stages on which the tests of migration play: halides from prototypes, vacancies in metals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.geometry.symmetry import standard_cell
from pvkdb_pipelines.migration.defects.defects import DefectStates, relax_vacancies
from pvkdb_pipelines.migration.defects.states import Stage
from pvkdb_pipelines.migration.host.hessian import host_hessian
from pvkdb_pipelines.migration.sites.hops import HopClass, find_hops
from pvkdb_pipelines.migration.sites.operations import SYMPREC_ANG, operations_of
from pvkdb_pipelines.migration.sites.sites import vacancy_sites
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.prototypes import build, compound_of

from ..conftest import potential_from

#: Lattice constants of fcc metals in effective-medium theory, Å (the minima of their energies).
EMT_LATTICE_ANG = {"Al": 3.995, "Cu": 3.59, "Ni": 3.49}


def prototype_cell(formula: str, phase: str) -> Atoms:
    """The primitive cell of a prototype, symmetrised."""
    atoms = build(compound_of(parse_composition(formula)), phase)
    return standard_cell(atoms, SYMPREC_ANG, primitive=True)


def vacancy_stage(host: Atoms, symbol: str) -> Stage:
    """A host with the vacancies of an element."""
    return Stage(vacancy_sites(operations_of(host), symbol))


def hops_of(stage: Stage, cutoff_ang: float) -> list[HopClass]:
    """All classes of hops on a stage."""
    return find_hops(stage.sites, cutoff_ang)


def silent(step: int, force: float) -> None:
    """Hears the steps of a relaxation."""


def deeper(potential: Potential) -> Potential:
    """The forces of a potential of copper, and an energy that is 1 eV lower."""

    def evaluate_one(structure: Atoms) -> Properties:
        (found,) = potential.evaluate([structure])
        return {**found, "energy": found["energy"] - 1.0}

    return potential_from(evaluate_one, "Cu")


def relaxed_vacancies(host: Atoms, symbol: str, potential: Potential) -> DefectStates:
    """Relaxed vacancies of an element, default settings."""
    stage = vacancy_stage(host, symbol)
    hessian = host_hessian(stage.operations, potential)
    unknown = DefectStates(stage, hessian, potential, NebSettings())
    return relax_vacancies(unknown, lambda part, parts: silent)


@pytest.fixture(scope="session")
def metal_vacancy(emt: Potential) -> Callable[[str], tuple[DefectStates, HopClass]]:
    """The relaxed vacancy of an fcc metal in 32 sites, and its hop to a nearest neighbour."""

    @cache
    def computed(symbol: str) -> tuple[DefectStates, HopClass]:
        lattice = EMT_LATTICE_ANG[symbol]
        states = relaxed_vacancies(bulk(symbol, "fcc", a=lattice, cubic=True) * 2, symbol, emt)
        (hop,) = hops_of(states.stage, lattice / np.sqrt(2) + 0.01)
        return states, hop

    def relaxed(symbol: str) -> tuple[DefectStates, HopClass]:
        states, hop = computed(symbol)
        return replace(states, by_site=dict(states.by_site)), hop

    return relaxed
