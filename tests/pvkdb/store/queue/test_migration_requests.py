"""Requests for barriers are checked and completed once; the key is that of the complete request."""

from __future__ import annotations

import gzip
import json

import pytest

from pvkdb.computed import CALCULATIONS
from pvkdb.errors import InputError
from pvkdb.schemas.calculations.migration import CompleteNebRequest, NebRequest
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.queue.migration_requests import complete_request

CUBE = ((5.9, 0.0, 0.0), (0.0, 5.9, 0.0), (0.0, 0.0, 5.9))
A = 2.95
PLACES = ((0, 0, 0), (A, A, A), (A, A, 0), (A, 0, A), (0, A, A))
HOST = Host(symbols=("Cs", "Pb", "Br", "Br", "Br"), cell_ang=CUBE, positions_ang=PLACES)


def test_phase_and_defect_are_filled_in_and_the_formula_is_spelled_canonically() -> None:
    complete = complete_request(NebRequest(formula="PbCsI3"))
    assert (complete.formula, complete.phase, complete.defect) == ("CsPbI3", "Pnma", "V_I")
    assert complete_request(complete) is complete
    # A default that is written out gives the same key.
    written = NebRequest(formula="CsPbI3", phase="Pnma", defect="V_I")
    assert complete.key() == written.key() == complete_request(written).key()


def test_completing_a_published_request_keeps_its_key() -> None:
    with gzip.open(CALCULATIONS, "rt", encoding="utf-8") as lines:
        next(lines)
        barriers = [line for line in map(json.loads, lines) if line["kind"] == "neb"]
    assert len(barriers) > 20
    for barrier in barriers:
        request = NebRequest.model_validate(barrier["parameters"])
        assert complete_request(request).key() == request.key()
        assert CompleteNebRequest.model_validate(barrier["parameters"]).key() == request.key()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (NebRequest(formula="DMAPbBr3"), "molecule"),
        (NebRequest(formula="CsPbBr3", phase="Fm-3m"), "Fm-3m"),
        (NebRequest(formula="Cs2InI3"), "import a structure"),
        (NebRequest(formula="CsPbBr3", defect="Br_v"), "V_Br"),
        (NebRequest(formula="CsPbBr3", host=HOST), "name the phase"),
    ],
)
def test_what_cannot_be_computed_is_refused(wrong: NebRequest, said: str) -> None:
    with pytest.raises(InputError, match=said):
        complete_request(wrong)
