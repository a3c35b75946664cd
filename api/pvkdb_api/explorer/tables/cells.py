"""Cells of the tables: how a row's field looks, and how links to other pages are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pvkdb.schemas.tables import Row
from pvkdb.store.curation.energy_ranges import EnergyRange
from pvkdb_api.explorer.site.numbers import UNKNOWN, interval, number
from pvkdb_api.explorer.site.rendering import link

#: Longer texts are cut in tables; the whole stands in the title.
_LONGEST = 90


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a page's table: heading, how to make it of a row, what sorts by it."""

    heading: str
    render: Callable[[Any], Markup | str]
    sort: str | None = None
    unit: str | None = None
    numeric: bool = False
    meaning: str = ""


def anchor(address: str, text: str) -> Markup:
    """A link, its text escaped."""
    return Markup('<a href="{}">{}</a>').format(address, text)


def material_link(name: str | None) -> Markup:
    """A link to a material."""
    return UNKNOWN if not name else anchor(link("/materials", name), name)


def device_link(name: str, stack: str) -> Markup:
    """A link to a device: its stack says what it is, its name stands small beside it."""
    return Markup('<span class="of-device">{} <code class="id">{}</code></span>').format(
        anchor(link("/devices", name), stack), name
    )


def reference_links(keys: str | Iterable[str]) -> Markup:
    """Links to references, from ``r36 r112``."""
    names = keys.split() if isinstance(keys, str) else [*keys]
    if not names:
        return UNKNOWN
    return Markup(" ").join(anchor(link("/references", name), name) for name in names)


def phase_text(phase: str | None) -> Markup:
    """A phase, whose hyphens are no places to break a line."""
    return Markup('<span class="nowrap">{}</span>').format(phase) if phase else UNKNOWN


def text_cell(value: object) -> Markup | str:
    """A text of any length, or that it is unknown."""
    if value is None or value == "":
        return UNKNOWN
    if value is True or value is False:
        return "yes" if value else "no"
    shown = str(value)
    if len(shown) <= _LONGEST:
        return shown
    return Markup('<span title="{}">{}…</span>').format(shown, shown[: _LONGEST - 1])


def field_cell(row: type[Row], name: str, heading: str, sortable: Iterable[str] = ()) -> Cell:
    """A cell that shows a field of a row as it is."""
    column = row.dictionary()[name]
    numeric = column.type in ("number", "integer")

    def render(shown: Any) -> Markup | str:
        value = getattr(shown, name)
        return number(value) if numeric else text_cell(value)

    return Cell(
        heading,
        render,
        name if name in sortable else None,
        column.unit if column.unit not in (None, "1", "year") else None,
        numeric,
        column.meaning,
    )


def interval_cell(
    heading: str,
    low: str,
    high: str,
    unit: str,
    *,
    sort: str | None = None,
    qualifier: str | None = None,
    meaning: str = "",
) -> Cell:
    """A cell for two fields that are the ends of an interval."""

    def render(row: Any) -> Markup:
        sign = getattr(row, qualifier) if qualifier else None
        return interval(getattr(row, low), getattr(row, high), qualifier=sign)

    return Cell(heading, render, sort, unit, True, meaning)


def energy(spanned: EnergyRange | None, unit: str | None = None) -> Markup:
    """A range of energies: equal ends are one value, an end that is only a bound says so."""
    if spanned is None:
        return UNKNOWN
    low = Markup("{}{}").format("< " if spanned.open_below else "", number(spanned.low))
    high = Markup("{}{}").format("> " if spanned.open_above else "", number(spanned.high))
    if spanned.low != spanned.high:
        shown = Markup("{} to {}").format(low, high)
    else:
        shown = low if spanned.open_below else high
    return Markup("{} {}").format(shown, unit) if unit else shown


def qualified_cell(
    heading: str,
    name: str,
    unit: str | None = None,
    *,
    sort: str | None = None,
    qualifier: str | None = None,
    meaning: str = "",
) -> Cell:
    """A cell for a number that may be printed with a sign such as ``>``."""

    def render(row: Any) -> Markup:
        value, sign = getattr(row, name), getattr(row, qualifier) if qualifier else None
        if value is None or not sign:
            return number(value)
        return Markup("{} {}").format(sign, number(value))

    return Cell(heading, render, sort, unit, True, meaning)
