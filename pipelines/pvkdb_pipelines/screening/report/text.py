"""How a report writes things in HTML: formulas, numbers, outcomes. Everything is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal, TypeAlias

from pvkdb.schemas.screening import FallKind, ScreenedCandidate

Outcome: TypeAlias = Literal["passed"] | FallKind

#: What can become of a candidate, and what that means. Every picture has this order.
OUTCOMES: dict[Outcome, str] = {
    "passed": "met everything that was asked",
    "filter": "did not meet a condition of the plan",
    "physical": "the structure is another one than was asked for: a result",
    "numerical": "a calculation failed: this says nothing about the compound",
    "not defined": "the quantity that the stage asks for is not defined for it",
}

_SUBSCRIPT = re.compile(r"(?<=[A-Za-z)\]])(\d+(?:\.\d+)?)")


def outcome_of(candidate: ScreenedCandidate) -> Outcome:
    """What became of a candidate."""
    return candidate.fall.kind if candidate.fall else "passed"


def css_class(outcome: Outcome) -> str:
    """The class that gives an outcome its colour."""
    return outcome.replace(" ", "-")


def formula(text: str) -> str:
    """A formula with its numbers as subscripts.

    Example:
        >>> formula("Cs2AgBiBr6")
        'Cs<sub>2</sub>AgBiBr<sub>6</sub>'
    """
    parts = _SUBSCRIPT.split(text)
    return "".join(
        f"<sub>{part}</sub>" if odd % 2 else escape(part) for odd, part in enumerate(parts)
    )


def row(cells: Iterable[str], cell: str = "td") -> str:
    """A row of a table; the cells are HTML already."""
    return "<tr>" + "".join(f"<{cell}>{content}</{cell}>" for content in cells) + "</tr>"


def table(head: Sequence[str], rows: Iterable[str]) -> str:
    """A table that scrolls sideways where it is wider than the screen."""
    return (
        f'<div class="wide"><table><thead>{row(head, "th")}</thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
