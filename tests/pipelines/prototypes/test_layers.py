"""Layers of octahedra with molecules between them."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas.calculations.migration import NebRequest, require_dispersion
from pvkdb.store.queue.migration_requests import complete_request
from pvkdb_pipelines.geometry.molecules import require_whole
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes import build, candidates, compound_of
from pvkdb_pipelines.structures.octahedra import polyhedra


def start(formula):
    compound = compound_of(parse_composition(formula))
    (info,) = candidates(compound)
    return compound, info, build(compound, info.phase)


@pytest.mark.parametrize(
    ("formula", "phase"),
    [("BA2PbI4", "Pbca"), ("PEA2PbI4", "P-1"), ("PEA2SnI4", "P-1"), ("BA2PbBr4", "Pbca")],
)
def test_octahedra_form_layers_with_whole_molecules(formula, phase):
    compound, info, atoms = start(formula)
    found = polyhedra(atoms, compound)
    assert space_group(atoms, 0.01).symbol == info.phase == phase
    assert (found.coordination == 6).all()
    assert (found.linkage, found.network) == ("corner 4", "layers")
    published = start(f"{compound.sites['A'].symbol}2PbI4")[2]
    require_whole(published, atoms, formula)
    assert {
        s: n / (len(atoms) / sum(compound.numbers_of_elements.values()))
        for s, n in atoms.symbols.formula.count().items()
    } == compound.numbers_of_elements


def test_bromide_shrinks_the_layer_and_not_the_molecules():
    (*_, iodide), (*_, bromide) = start("BA2PbI4"), start("BA2PbBr4")
    assert np.allclose(bromide.cell.lengths()[:2] / iodide.cell.lengths()[:2], 0.929, atol=0.001)
    assert bromide.cell.lengths()[2] == pytest.approx(iodide.cell.lengths()[2])


def test_inorganic_layers_have_no_molecules():
    found = candidates(compound_of(parse_composition("Cs2PbI4")))
    assert [info.phase for info in found] == ["I4/mmm", "Pnma"]
    with pytest.raises(InputError, match="choose from I4/mmm, Pnma"):
        build(parse_composition("Cs2PbI4"), "Pbca")


def test_layers_are_computed_with_dispersion_only():
    request = NebRequest(formula="BA2PbI4", potential="sevennet-0")
    with pytest.raises(InputError, match=r"no dispersion forces.*sevennet-0-d3"):
        complete_request(request)
    with pytest.raises(InputError, match=r"chgnet has no dispersion forces.*across ThEA"):
        require_dispersion(parse_composition("(ThEA)2PbI4"), "chgnet")
    complete = complete_request(request.model_copy(update={"potential": "sevennet-0-d3"}))
    assert (complete.phase, complete.defect) == ("Pbca", "V_I")
