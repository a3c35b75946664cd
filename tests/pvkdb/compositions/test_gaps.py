"""Gaps by fractions, and what is said of a gap."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.compositions.gaps import gap_in_words, mixed_gap
from pvkdb.schemas.tables import ElectronicRow

from ...each import for_each


@for_each(
    ("formula", "measured_ev"),
    {
        # Optical gaps near 300 K of single halides that the fit has seen in mixtures at most.
        "MAPbBr3": 2.31,  # pvkdb/literature/gaps, g-006
        "CsPbBr3": 2.27,  # g-001
        "CsPbI3": 1.63,  # g-005, γ
        "CsSnI3": 1.3,  # g-030
        "FA0.6MA0.4Sn0.6Pb0.4I3": 1.2,  # g-062
    }.items(),
)
def test_a_gap_by_fractions_is_that_of_measured_ones(formula: str, measured_ev: float) -> None:
    gap = mixed_gap(parse_composition(formula))
    assert gap is not None
    assert gap.low_ev <= measured_ev <= gap.high_ev
    assert gap.high_ev - gap.low_ev < 0.3


def test_it_falls_with_tin_and_heavy_halides_and_bows_below_both_ends() -> None:
    def of(formula: str) -> float:
        gap = mixed_gap(parse_composition(formula))
        assert gap is not None
        return gap.value_ev

    assert of("MAPbCl3") > of("MAPbBr3") > of("MAPbI3") > of("MASnI3")
    assert of("MAPb0.4Sn0.6I3") < of("MASnI3")


@for_each(
    "formula",
    ("RbPbI3", "CsPbI2F", "Cs2AgBiBr6", "MAPbI3-xClx", "CsGeI3", "(BA)2PbI4", "MAPbI3:NH4I"),
)
def test_what_the_fit_does_not_know_has_no_value(formula: str) -> None:
    assert mixed_gap(parse_composition(formula)) is None


def row(method: str, **given: object) -> ElectronicRow:
    values = {"id": "g-1", "material": "CsPbBr3", "quantity": "gap", "unit": "eV", "references": ""}
    return ElectronicRow.model_validate(values | {"method": method, "source": "here"} | given)


def test_words_on_a_gap_begin_with_what_is_measured() -> None:
    to = "5 atoms; calibrated to measured gaps of 6 compositions with lead"
    calibrated = {"value": 2.4, "value_low": 1.6, "value_high": 3.2, "conditions": to}
    rows = [
        row("DFT", as_computed=2.134, phase="Pnma", functional="PBE"),
        row("DFT", as_computed=1.79, phase="Pm-3m", **calibrated),
        row("experiment", value=2.27, value_low=2.27, value_high=2.27),
        row("experiment", value=2.18, value_low=2.18, value_high=2.18),
        row("model", value=2.38, value_low=2.27, value_high=2.49),
    ]
    assert gap_in_words(rows) == (
        "2.18 to 2.27 eV as measured in 2 places; 2.38 eV (2.27 to 2.49) by its fractions; "
        "2.4 eV (1.6 to 3.2) calibrated to measured gaps, from 1.79 eV by PBE as Pm-3m; "
        "2.13 eV as Pnma by PBE, which is mostly below what is measured"
    )
    assert gap_in_words([]) == "not known"


def test_a_gap_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="value"):
        row("experiment", value=-1)
