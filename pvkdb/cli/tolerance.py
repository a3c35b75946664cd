"""``pvkdb tolerance``: tolerance factors with the radii behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.console import print_json, print_table
from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption

if TYPE_CHECKING:
    from pvkdb.chemistry import ToleranceFactors


def tolerance(
    formulas: Annotated[list[str], typer.Argument(help="ABX3 formulas, e.g. CsPbBr3 MAPbI3.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Tolerance factors t, mu and tau of ABX3 compositions; no database is opened."""
    from pvkdb.chemistry import parse_composition, tolerance_factors

    factors = [tolerance_factors(parse_composition(formula)) for formula in formulas]
    if json:
        print_json([as_document(entry) for entry in factors])
    else:
        print_factors(factors)


def as_document(factors: ToleranceFactors) -> dict[str, object]:
    """The factors as the ``tolerance`` table names them, with every radius."""
    return {
        "formula": factors.formula,
        "r_a_ang": factors.r_a_ang,
        "r_b_ang": factors.r_b_ang,
        "r_x_ang": factors.r_x_ang,
        "t": factors.t,
        "mu": factors.mu,
        "tau": factors.tau,
        "p_perovskite": None,
        "radii_source": factors.radii_source,
        "radii": [radius.label for radius in factors.radii],
    }


def print_factors(factors: Sequence[ToleranceFactors]) -> None:
    """A table of factors."""
    from pvkdb.chemistry.tolerance import TAU_LIMIT

    numbers = ("r_A/Å", "r_B/Å", "r_X/Å", "t", "mu", "tau")
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
                "undefined" if entry.tau is None else f"{entry.tau:.2f}",
                "undefined" if entry.tau is None else ("yes" if entry.tau < TAU_LIMIT else "no"),
                entry.radii_source,
            ]
            for entry in factors
        ],
        numeric=numbers,
        caption=f"tau<{TAU_LIMIT}: perovskite by Bartel's rule. t: Goldschmidt 1926; mu: Li 2008; "
        "tau: Bartel 2019. A sites 12-coordinate, B and X 6-coordinate; molecules: effective "
        "radii.",
    )
