"""Gaps by PBE, calibrated by family to measured ones."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.compositions import calibrated_gaps as gaps

from ...each import for_each


@for_each(
    ("formula", "family"),
    {
        "CsPbBr3": gaps.LEAD,
        "RbGeCl3": gaps.TIN,
        "CsCaCl3": gaps.CLOSED,
        "Cs2TeI6": gaps.LONE_PAIRS,
        "Cs2NaBiCl6": gaps.LONE_PAIRS,
        "Cs2CuSbCl6": gaps.WITH_NOBLE,
        "Cs2AgInCl6": gaps.EMPTY_S,
        "Rb2SnBr6": gaps.EMPTY_S,
        # d states, or none of those that a family was measured of.
        **dict.fromkeys(("K2PtI6", "Cs2HfCl6", "CsZnCl3", "Cs2NaScCl6", "(BA)2PbI4"), None),
    }.items(),
)
def test_the_metals_decide_the_family(formula: str, family: str | None) -> None:
    assert gaps.gap_family(parse_composition(formula)) == family


@for_each(
    ("formula", "phase", "by_pbe_ev", "measured_ev"),
    (
        ("Cs2AgBiBr6", "Fm-3m", 1.33, 2.19),  # pvkdb/literature/gaps
        ("Cs3Bi2Br9", "P-3m1", 2.61, 2.54),
        ("Cs2TeBr6", "Fm-3m", 2.13, 2.12),
        ("RbCaCl3", "Pm-3m", 4.957, 6.263),  # by HSE06: perovs_ml, nanoHUB
    ),
)
def test_an_interval_holds_what_was_measured(
    formula: str, phase: str, by_pbe_ev: float, measured_ev: float
) -> None:
    gap = gaps.calibrated_gap(parse_composition(formula), phase, by_pbe_ev)
    assert gap is not None
    assert 0 <= gap.low_ev < measured_ev < gap.high_ev
    assert gap.low_ev < gap.value_ev < gap.high_ev
    assert gap.calibrated_to.startswith("calibrated to ")


def test_what_a_family_does_not_reach_has_no_value() -> None:
    of_family = parse_composition("Cs3Bi2Br9")
    for formula, phase, by_pbe_ev in (
        (of_family, "P6_3/mmc", 2.6),  # other tilts than those that the fit holds
        (of_family, "P-3m1", 6.0),  # far above every gap of its family
        (parse_composition("K2PtI6"), "Fm-3m", 1.0),
        (parse_composition("Cs2NaInCl6"), "Fm-3m", 2.93),  # missed by too much when left out
    ):
        assert gaps.calibrated_gap(formula, phase, by_pbe_ev) is None


def test_the_families_are_as_many_as_were_measured_three_times() -> None:
    fits = gaps.gap_calibration()
    assert {gaps.LONE_PAIRS, gaps.WITH_NOBLE, gaps.EMPTY_S, gaps.CLOSED} <= set(fits)
    assert all(fit["compositions"] >= 3 for fit in fits.values())
    # PBE without spin–orbit coupling is closest where both errors cancel, in 6s² and 5s² ions.
    assert abs(fits[gaps.LONE_PAIRS]["offset_ev"]) < 0.2 < fits[gaps.EMPTY_S]["offset_ev"]
    assert fits[gaps.CLOSED]["offset_ev"] == pytest.approx(1.2, abs=0.3)
