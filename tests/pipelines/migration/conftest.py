"""Stages on which the tests of migration play: halides from prototypes, vacancies in metals."""

from __future__ import annotations

from collections.abc import Callable

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
from pvkdb_pipelines.migration.sites.operations import act, operations_of
from pvkdb_pipelines.migration.sites.sites import vacancy_sites
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.prototypes import build, compound_of

SYMPREC_ANG = 0.01
#: Lattice constants of fcc metals in effective-medium theory, Å (the minima of their energies).
EMT_LATTICE_ANG = {"Al": 3.995, "Cu": 3.59, "Ni": 3.49}


def prototype_cell(formula: str, phase: str) -> Atoms:
    """The primitive cell of a prototype, symmetrised."""
    atoms = build(compound_of(parse_composition(formula)), phase)
    return standard_cell(atoms, SYMPREC_ANG, primitive=True)


def vacancy_stage(host: Atoms, symbol: str) -> Stage:
    """A host with the vacancies of an element."""
    operations = operations_of(host, SYMPREC_ANG)
    action = act(operations, host.positions, host.numbers)
    return Stage(host, operations, action, vacancy_sites(host, symbol, operations))


def hops_of(stage: Stage, cutoff_ang: float) -> list[HopClass]:
    """All classes of hops on a stage."""
    return find_hops(stage.sites.positions, stage.operations, stage.sites.action, cutoff_ang)


def silent(step: int, force: float) -> None:
    """Hears the steps of a relaxation."""


def relaxed_vacancies(host: Atoms, symbol: str, potential: Potential) -> DefectStates:
    """Relaxed vacancies of an element, default settings."""
    stage = vacancy_stage(host, symbol)
    hessian = host_hessian(host, stage.operations, stage.action, potential)
    return relax_vacancies(stage, hessian, potential, NebSettings(), lambda part, parts: silent)


@pytest.fixture(scope="session")
def metal_vacancy(emt: Potential) -> Callable[[str], tuple[DefectStates, HopClass]]:
    """The relaxed vacancy of an fcc metal in 32 sites, and its hop to a nearest neighbour."""

    def relaxed(symbol: str) -> tuple[DefectStates, HopClass]:
        lattice = EMT_LATTICE_ANG[symbol]
        states = relaxed_vacancies(bulk(symbol, "fcc", a=lattice, cubic=True) * 2, symbol, emt)
        (hop,) = hops_of(states.stage, lattice / np.sqrt(2) + 0.01)
        return states, hop

    return relaxed
