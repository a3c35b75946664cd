"""Measured and computed ground states; compositions of devices and what the release has of them."""

from __future__ import annotations

import pytest

from pvkdb.schemas.calculations import PotentialName
from validation.screening import device_compositions
from validation.screening.make import PAGE
from validation.structures.ground_states import (
    compare,
    expected,
    outcome_of,
    read,
    requests,
    wanted,
)

SEVENNET = PotentialName.SEVENNET_0


def test_every_phase_of_at_least_thirty_compounds_was_relaxed_with_the_default() -> None:
    energies = read()[SEVENNET]
    assert len(wanted()) >= 30
    for request in requests(SEVENNET):
        assert energies[request.formula][request.phase] is not None
    measured = [request for request in requests(SEVENNET) if request.settings.rattle_ang == 0]
    assert {"Cs2AgBiBr6", "Cs2NaBiCl6", "CsMnCl3"} <= {request.formula for request in measured}


@pytest.mark.parametrize(
    ("above_ev", "outcome"), [(0.01, "right"), (0.002, "undecided"), (-0.01, "wrong")]
)
def test_the_measured_phase_is_right_where_it_is_the_lowest(above_ev: float, outcome: str) -> None:
    found = compare("CsPbI3", {"CsPbI3": {"delta": -1.0, "Pnma": -1.0 + above_ev}})
    assert outcome_of(found) == outcome
    assert outcome_of(compare("CsPbI3", {"CsPbI3": {"delta": None, "Pnma": -1.0}})) == "not relaxed"
    assert (expected("Rb3Sb2I9"), expected("CsCaCl3")) == ("P-3m1", "Pm-3m")


def test_the_page_says_what_the_release_has_of_the_compositions_of_devices() -> None:
    assert "\n".join(device_compositions.section()).strip() in PAGE.read_text(encoding="utf-8")
    starts = {row.formula: row.start for row in device_compositions.rows()}
    assert starts["Cs3Cu2I5"] == starts["MA3Bi2I9"] == "prototype"
    assert starts["(BDA)MA2Pb3I10"] == "placed by hand"
    assert starts["Cs1-xFAxPbBr3"] == "open"
    assert starts["Cs15Li2Bi8I41"] == "none"
