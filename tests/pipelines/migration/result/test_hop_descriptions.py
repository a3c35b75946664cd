"""Hops in words: what a halide passes in each family of perovskites."""

from __future__ import annotations

from collections import Counter

import pytest
from ase.build import bulk

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.result.hop_descriptions import describe_halide_hop, octahedra_of

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


def test_dimers_of_cs3sb2i9_share_a_face():
    assert words("Cs3Sb2I9", "P6_3/mmc", {"Sb"}, "I", 5.6) == {
        "octahedron edge, bridging–bridging": 1,  # of the shared face
        "octahedron edge, terminal–terminal": 1,
        "octahedron edge, bridging–terminal": 1,
        "between dimers, terminal–terminal": 2,
        "between dimers, bridging–bridging": 1,
    }


def test_layers_of_cs3sb2i9_share_corners():
    assert words("Cs3Sb2I9", "P-3m1", {"Sb"}, "I", 5.6) == {
        "octahedron edge, bridging–bridging": 1,
        "octahedron edge, terminal–terminal": 1,
        "octahedron edge, bridging–terminal": 1,
        "within a layer, terminal–terminal": 1,
        "between layers, terminal–terminal": 1,
    }


def test_framework_of_cspbbr3_has_six_edges_and_ways_between_octahedra():
    found = words("CsPbBr3", "Pnma", {"Pb"}, "Br", 5.3)
    assert found == {"octahedron edge": 6, "between octahedra": 3}


def test_opposite_corners_are_across():
    found = words("CsPbBr3", "Pm-3m", {"Pb"}, "Br", 6.1)
    # Along an axis of the cubic perovskite a halide crosses its octahedron or the window of A.
    assert found == {"octahedron edge": 1, "across an octahedron": 1, "between octahedra": 1}


def test_lone_octahedra_of_cs2sni6_have_terminal_halides_only():
    assert words("Cs2SnI6", "Fm-3m", {"Sn"}, "I", 5.6) == {
        "octahedron edge, terminal–terminal": 1,
        "between octahedra, terminal–terminal": 1,
        "across an octahedron, terminal–terminal": 1,
    }


def test_delta_phase_is_made_of_chains():
    found = words("CsPbI3", "delta", {"Pb"}, "I", 5.0)
    assert any(name.startswith("between chains") for name in found)
    assert any(name.startswith("octahedron edge") for name in found)
    assert not any("framework" in name or "layer" in name for name in found)


def test_both_cations_of_a_double_perovskite_are_octahedra_of_one_framework():
    found = words("Cs2AgBiBr6", "Fm-3m", {"Ag", "Bi"}, "Br", 4.5)
    assert set(found) == {"octahedron edge"}
    assert found.total() == 2  # around Ag and around Bi


def test_what_has_no_octahedra_is_a_typed_failure():
    with pytest.raises(CalculationFailedError, match="not six") as failure:
        octahedra_of(bulk("CsCl", "cesiumchloride", a=4.1) * 2, {"Cs"}, {"Cl"})
    assert failure.value.kind == FailureKind.NO_HOP
