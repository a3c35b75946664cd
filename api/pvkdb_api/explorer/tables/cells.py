"""Columns of table pages: how they show a row, and links to other pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pvkdb.display.numbers import computed_ev
from pvkdb.schemas.tables import Row
from pvkdb.store.curation.registration import material_id
from pvkdb.store.rows.energy_ranges import EnergyRange
from pvkdb_api.explorer.site.markup import UNKNOWN, number
from pvkdb_api.explorer.site.rendering import citation, link

#: Longer texts are cut in tables; the title has the whole text.
_LONGEST = 90

#: Names up to this length, such as sevennet-0, are not broken at their hyphens.
_ONE_LINE = 20

#: The source of computed rows begins with this word.
_CALCULATION = "calculation "

#: Units at the end of names, which are shown beside the heading.
_SUFFIXES = ("_ev_per_ang", "_ev", "_ang", "_px", "_percent")

_WORDS = {"id": "Name", "iv": "I–V", "doi": "DOI", "smiles": "SMILES", "tau": "τ", "mu": "μ"}


def heading(name: str) -> str:
    """Return the name of a column in words, without its unit."""
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    first, *rest = name.split("_")
    return " ".join([_WORDS.get(first, first if len(first) == 1 else first.capitalize()), *rest])


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table page; ``render`` makes a cell from a row."""

    heading: str
    render: Callable[[Any], Markup | str]
    #: The name by which the collection sorts by this column.
    sort: str | None = None
    unit: str | None = None
    numeric: bool = False
    meaning: str = ""


def anchor(address: str, text: str) -> Markup:
    """Return a link with escaped text."""
    return Markup('<a href="{}">{}</a>').format(address, text)


def composition_link(name: str | None, phase: str | None = None) -> Markup:
    """Return a link to the page of a composition, by its formula or by the name of a material.

    With a phase, the page opens at that phase.
    """
    if not name:
        return UNKNOWN
    return anchor(link("/compositions", name, phase=phase), material_id(name, phase))


def device_link(name: str, stack: str) -> Markup:
    """Return a link to the page of a device: its stack, followed by its name in small type."""
    return Markup('<span class="of-device">{} <code class="id">{}</code></span>').format(
        anchor(link("/devices", name), stack), name
    )


def reference_links(keys: str | Iterable[str]) -> Markup:
    """Return links to references such as ``r36 r112``, by author and year."""
    names = keys.split() if isinstance(keys, str) else [*keys]
    if not names:
        return UNKNOWN
    text = Markup('<a class="nowrap" href="{}" title="{}">{}</a>')
    links = (text.format(link("/references", name), name, citation(name)) for name in names)
    return Markup(", ").join(links)


def citation_links(csv: str) -> Markup:
    """Return links to references in formats for citing; ``csv`` is the address of their CSV."""
    names = {"bibtex": "BibTeX", "ris": "RIS", "csl": "CSL-JSON"}
    link_to = Markup('<a href="{}" download>{}</a>')
    return Markup(" · ").join(
        link_to.format(csv.replace("format=csv", f"format={format}"), name)
        for format, name in names.items()
    )


def statement_material(row: Any) -> Markup:
    """Return a link to the material of a row that has a formula and a phase."""
    return composition_link(row.material, row.phase)


def calculation_of(row: Any) -> str | None:
    """Return the calculation from which a row comes; None if it comes from the literature."""
    source: str = row.source
    return source.removeprefix(_CALCULATION) if source.startswith(_CALCULATION) else None


def calculation_link(key: str, text: str | None = None) -> Markup:
    """Return a link to the page of a calculation; its id stays on one line."""
    shown = text or Markup('<span class="nowrap">{}</span>').format(key)
    return anchor(link("/jobs", key), shown)


def source_link(row: Any) -> Markup | str:
    """Return the source of a row as text, or as a link if it is a calculation."""
    calculation = calculation_of(row)
    return calculation_link(calculation, row.source) if calculation else str(row.source)


def marked(name: Markup | str, row: Any) -> Markup | str:
    """Return the name of a row, with its review where no second person has confirmed it."""
    mark = Markup('{} <span class="tag open">{}</span>')
    return mark.format(name, row.review) if row.review else name


def phase_text(phase: str | None) -> Markup:
    """Return a phase that is not broken at its hyphens."""
    return Markup('<span class="nowrap">{}</span>').format(phase) if phase else UNKNOWN


def text_cell(value: object) -> Markup | str:
    """Return a text, shortened if it is long, or the mark of an unknown value."""
    if value is None or value == "":
        return UNKNOWN
    if value is True or value is False:
        return "yes" if value else "no"
    shown = str(value)
    if "-" in shown and " " not in shown and len(shown) <= _ONE_LINE:
        return Markup('<span class="nowrap">{}</span>').format(shown)
    if len(shown) <= _LONGEST:
        return shown
    return Markup('<span title="{}">{}…</span>').format(shown, shown[: _LONGEST - 1])


def _field_column(row: type[Row], name: str, heading: str, sortable: Iterable[str]) -> TableColumn:
    """Return a column that shows a field of a row unchanged."""
    column = row.dictionary()[name]
    numeric = column.type in ("number", "integer")

    def render(shown: Any) -> Markup | str:
        value = getattr(shown, name)
        if column.unit == "eV/atom":
            value = computed_ev(value, column.unit)
        return number(value) if numeric else text_cell(value)

    return TableColumn(
        heading,
        render,
        name if name in sortable else None,
        column.unit if column.unit not in (None, "1", "year") else None,
        numeric,
        column.meaning,
    )


def field_columns(
    row: type[Row], names: Iterable[str], sortable: Iterable[str] = (), **headings: str
) -> dict[str, TableColumn]:
    """Return a column for each named field of a row, with :func:`heading` or another heading."""
    return {
        name: _field_column(row, name, headings.get(name, heading(name)), sortable)
        for name in names
    }


def energy(spanned: EnergyRange | None, unit: str | None = None, computed: bool = False) -> Markup:
    """Return a range of energies; ``<`` and ``>`` mark an end that is only a bound.

    Those that are ``computed`` have the digits that their errors leave.
    """
    if spanned is None:
        return UNKNOWN
    ends = (spanned.low, spanned.high)
    least, most = map(computed_ev, ends) if computed else ends
    low = Markup("{}{}").format("< " if spanned.open_below else "", number(least))
    high = Markup("{}{}").format("> " if spanned.open_above else "", number(most))
    if least != most:
        shown = Markup("{} to {}").format(low, high)
    else:
        shown = low if spanned.open_below else high
    return Markup("{} {}").format(shown, unit) if unit else shown


MATERIAL_COLUMN = TableColumn("Material", statement_material, "material")
REFERENCES_COLUMN = TableColumn("References", lambda row: reference_links(row.references))
