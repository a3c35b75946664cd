"""``pvkdb tolerance``: tolerance factors with the radii behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption
from pvkdb.cli.output.console import output, print_json, print_table

if TYPE_CHECKING:
    from pvkdb.chemistry import ToleranceFactors


def tolerance(
    formulas: Annotated[
        list[str], typer.Argument(help="ABX3 or A2BB'X6 formulas, e.g. CsPbBr3 Cs2AgBiBr6.")
    ],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Tolerance factors t, mu and tau and the probability of a perovskite; opens no database.

    Says for which formulas they are not defined, and why; fails if that is all of them.
    """
    from pvkdb.chemistry import parse_composition, tolerance_factors
    from pvkdb.errors import InputError

    factors: list[ToleranceFactors] = []
    undefined: dict[str, InputError] = {}
    for composition in [parse_composition(formula) for formula in formulas]:
        try:
            factors.append(tolerance_factors(composition))
        except InputError as error:
            undefined[composition.formula] = error
    if not factors:
        raise next(iter(undefined.values()))
    reasons = {formula: str(error) for formula, error in undefined.items()}
    if json:
        print_json([as_document(entry) for entry in factors] + _without_factors(reasons))
    else:
        print_factors(factors, reasons)


def as_document(factors: ToleranceFactors) -> dict[str, object]:
    """The factors as the ``tolerance`` table names them, with every radius."""
    from pvkdb.chemistry.platt import SOURCE

    return {
        "formula": factors.formula,
        "r_a_ang": factors.r_a_ang,
        "r_b_ang": factors.r_b_ang,
        "r_x_ang": factors.r_x_ang,
        "t": factors.t,
        "mu": factors.mu,
        "tau": factors.tau,
        "p_perovskite": factors.p_perovskite,
        "radii_source": factors.radii_source,
        "radii": [radius.label for radius in factors.radii],
        "family": factors.family,
        "p_source": SOURCE,
        "not_defined": factors.not_defined,
    }


def _without_factors(reasons: Mapping[str, str]) -> list[dict[str, object]]:
    """Entries of formulas whose factors are not defined."""
    numbers = ("r_a_ang", "r_b_ang", "r_x_ang", "t", "mu", "tau", "p_perovskite")
    return [
        {"formula": formula, **dict.fromkeys(numbers), "not_defined": reason}
        for formula, reason in reasons.items()
    ]


def print_factors(
    factors: Sequence[ToleranceFactors], undefined: Mapping[str, str] | None = None
) -> None:
    """A table of factors, then what is not defined: reasons by formula."""
    from pvkdb.chemistry.platt import SOURCE
    from pvkdb.chemistry.tolerance import TAU_LIMIT

    numbers = ("r_A/Å", "r_B/Å", "r_X/Å", "t", "mu", "tau", "p")
    print_table(
        "Tolerance factors",
        ["formula", *numbers, f"tau<{TAU_LIMIT}", "radii"],
        [
            [
                entry.formula,
                f"{entry.r_a_ang:.2f}",
                f"{entry.r_b_ang:.2f}",
                f"{entry.r_x_ang:.2f}",
                f"{entry.t:.3f}",
                f"{entry.mu:.3f}",
                "–" if entry.tau is None else f"{entry.tau:.2f}",
                "–" if entry.p_perovskite is None else f"{entry.p_perovskite:.2f}",
                "undefined" if entry.tau is None else ("yes" if entry.tau < TAU_LIMIT else "no"),
                entry.radii_source,
            ]
            for entry in factors
        ],
        numeric=numbers,
        caption=f"tau<{TAU_LIMIT}: perovskite by Bartel's rule. t: Goldschmidt 1926; mu: Li 2008; "
        f"tau: Bartel 2019. p, the probability of a perovskite: {SOURCE}. A sites 12-coordinate, "
        "B and X 6-coordinate; molecules: effective radii; shared sites: weighted means.",
    )
    partly = {entry.formula: entry.not_defined for entry in factors if entry.not_defined}
    for formula, reason in partly.items():
        output().print(f"{formula}: {reason}", markup=False)
    for formula, reason in (undefined or {}).items():
        subject = "" if reason.startswith(formula) else f"{formula}: "
        output().print(subject + reason, markup=False)
