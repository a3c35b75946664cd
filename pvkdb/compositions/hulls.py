"""The lowest mixture of compounds: the lower convex hull of their energies at one composition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import SupportsFloat

from pvkdb._extras import needing

#: Amounts of products below this, in formula units, are rounding.
LEAST_AMOUNT = 1e-6


def lowest_mixture(
    content: Mapping[str, SupportsFloat],
    others: Sequence[tuple[Mapping[str, SupportsFloat], float]],
) -> tuple[float, list[float]] | None:
    """Return the lowest energy Σ x E of compounds that hold these atoms, and the amounts x ≥ 0.

    Args:
        content: Numbers of atoms by element.
        others: Numbers of atoms and energy of one formula unit of each compound.

    Returns:
        None where no mixture of them holds these atoms.

    Raises:
        MissingExtraError: SciPy is not installed.
    """
    with needing("screening"):
        from scipy.optimize import linprog
    if not others:
        return None
    elements = sorted({*content}.union(*(numbers for numbers, _ in others)))
    found = linprog(
        [energy for _, energy in others],
        A_eq=[[float(numbers.get(each, 0)) for numbers, _ in others] for each in elements],
        b_eq=[float(content.get(each, 0)) for each in elements],
        method="highs-ds",
    )
    return (float(found.fun), [float(x) for x in found.x]) if found.success else None
