"""Hops in words: what a halide passes in each family of perovskites."""

from __future__ import annotations

from collections import Counter

import pytest
from ase.build import bulk

from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.result.hop_descriptions import describe_halide_hop, octahedra_of

from ...conftest import fails
from ..conftest import hops_of, prototype_cell, vacancy_stage


def words(formula: str, phase: str, b: set[str], halide: str, cutoff_ang: float) -> Counter[str]:
    """How many classes of hops have each name."""
    stage = vacancy_stage(prototype_cell(formula, phase), halide)
    octahedra = octahedra_of(stage.host, b, {halide})
    atoms = stage.sites.atoms
    return Counter(
        describe_halide_hop(octahedra, (int(atoms[hop.start]), int(atoms[hop.end]), hop.vector))
        for hop in hops_of(stage, cutoff_ang)
    )


EDGES = {
    "octahedron edge, bridging–bridging": 1,  # in a dimer, of the shared face
    "octahedron edge, terminal–terminal": 1,
    "octahedron edge, bridging–terminal": 1,
}
BETWEEN_DIMERS = {"between dimers, terminal–terminal": 2, "between dimers, bridging–bridging": 1}
LAYERS = {"within a layer, terminal–terminal": 1, "between layers, terminal–terminal": 1}
#: Along an axis of the cubic perovskite a halide crosses its octahedron or the window of A.
CUBIC = {"octahedron edge": 1, "across an octahedron": 1, "between octahedra": 1}


@pytest.mark.parametrize(
    ("formula", "phase", "b", "cutoff_ang", "expected"),
    [
        ("Cs3Sb2I9", "P6_3/mmc", "Sb", 5.6, EDGES | BETWEEN_DIMERS),
        ("Cs3Sb2I9", "P-3m1", "Sb", 5.6, EDGES | LAYERS),
        ("CsPbBr3", "Pnma", "Pb", 5.3, {"octahedron edge": 6, "between octahedra": 3}),
        ("CsPbBr3", "Pm-3m", "Pb", 6.1, CUBIC),
        ("Cs2AgBiBr6", "Fm-3m", "Ag Bi", 4.5, {"octahedron edge": 2}),  # around Ag and around Bi
        ("Cs2SnI6", "Fm-3m", "Sn", 5.6, {f"{way}, terminal–terminal": 1 for way in CUBIC}),
    ],
)
def test_hops_of_each_family_by_name(formula, phase, b, cutoff_ang, expected):
    halide = "Br" if "Br" in formula else "I"
    assert words(formula, phase, {*b.split()}, halide, cutoff_ang) == expected


def test_delta_phase_is_made_of_chains():
    found = words("CsPbI3", "delta", {"Pb"}, "I", 5.0)
    assert any(name.startswith("between chains") for name in found)
    assert any(name.startswith("octahedron edge") for name in found)
    assert not any("framework" in name or "layer" in name for name in found)


def test_what_has_no_octahedra_is_a_typed_failure():
    with fails(FailureKind.NO_HOP, "not six"):
        octahedra_of(bulk("CsCl", "cesiumchloride", a=4.1) * 2, {"Cs"}, {"Cl"})
