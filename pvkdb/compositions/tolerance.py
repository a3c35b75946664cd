"""Tolerance factors of formulas, with the radii behind them."""

from __future__ import annotations

from collections.abc import Sequence

from pvkdb.chemistry import ToleranceFactors, parse_composition, tolerance_factors
from pvkdb.errors import FormulaError, InputError, naming
from pvkdb.operations import Reading
from pvkdb.schemas.responses import (
    FormulaRequest,
    FormulaTolerance,
    ToleranceRequest,
)
from pvkdb.schemas.tables import ToleranceRow


def tolerance_row(formula: str) -> ToleranceRow:
    """Return the tolerance factors of one formula.

    Raises:
        FormulaError: the formula cannot be read.
        InputError: it is neither ABX3 nor A2BB'X6.
        MissingRadiusError: an ion has no radius with a source.
    """
    return _row(tolerance_factors(parse_composition(formula)))


def tolerance(request: FormulaRequest, reading: Reading) -> ToleranceRow:
    """Return the tolerance factors of a formula. Raises ParameterError."""
    with naming("formula"):
        return tolerance_row(request.formula)


def tolerances(request: ToleranceRequest, reading: Reading) -> list[FormulaTolerance]:
    """Return the tolerance factors of each formula, or the reason why it has none."""
    return [_answer(formula) for formula in request.formulas]


def failure_of(answers: Sequence[FormulaTolerance]) -> str | None:
    """Return what cannot be read; if no formula has factors, every problem."""
    nothing = not any(each.factors for each in answers)
    return "; ".join(each.problem or "" for each in answers if each.unreadable or nothing) or None


def _answer(formula: str) -> FormulaTolerance:
    try:
        factors = tolerance_factors(parse_composition(formula))
    except InputError as error:
        unreadable = isinstance(error, FormulaError)
        return FormulaTolerance(formula=formula, problem=str(error), unreadable=unreadable)
    return FormulaTolerance(
        formula=formula,
        factors=_row(factors),
        not_defined=factors.not_defined,
        radii=[radius.label for radius in factors.radii],
    )


def _row(factors: ToleranceFactors) -> ToleranceRow:
    return ToleranceRow(**{name: getattr(factors, name) for name in ToleranceRow.model_fields})
