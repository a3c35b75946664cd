"""Classes of a table page: its filters, its columns, and the query in its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from pvkdb.store.collections.collection import Collection
from pvkdb_api.explorer.site.rendering import link
from pvkdb_api.explorer.tables.cells import TableColumn, heading
from pvkdb_api.listing.parameters import split_names, split_values

#: The parameter that only pages have.
COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class RangeFilter:
    """A filter by range: the parameters ``name_min`` and ``name_max`` that the collection has."""

    name: str
    label: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ChoiceFilter:
    """A group of checkboxes: one for each value in the data, or for each of ``values``.

    Boxes from the data show the number of matching rows; boxes from ``values`` only if ``counted``,
    and there one row may match several boxes. With ``every``, a row must match all ticked boxes
    instead of any of them.
    """

    name: str
    label: str
    values: tuple[tuple[str, str], ...] = ()
    counted: bool = False
    every: bool = False

    @property
    def has_counts(self) -> bool:
        """Whether the page shows a number beside each box."""
        return self.counted or not self.values


#: Which energies count, for bounds on them too.
ORIGIN = ChoiceFilter(
    "origin", "Energies from", (("literature", "the literature"), ("computed", "calculations"))
)


def choice_filters(*names: str) -> tuple[ChoiceFilter, ...]:
    """Return a checkbox filter for each name, labelled with the name in words."""
    return tuple(ChoiceFilter(name, heading(name)) for name in names)


@dataclass(frozen=True)
class TablePage:
    """How a page shows a collection."""

    collection: Collection[Any]
    path: str
    title: str
    lead: str
    #: Every column that can be shown.
    columns: Mapping[str, TableColumn]
    #: The default of the parameter ``columns``.
    default_columns: str
    #: The order of the page where its address names none; None: that of the collection.
    default_sort: str | None = None
    choices: tuple[ChoiceFilter, ...] = ()
    ranges: tuple[RangeFilter, ...] = ()
    #: Further ranges, behind a click on "Conditions".
    folded_ranges: tuple[RangeFilter, ...] = ()
    #: Filters with yes or no: name and label.
    switches: tuple[tuple[str, str], ...] = ()
    #: Filters with a text field: name and label.
    texts: tuple[tuple[str, str], ...] = ()
    placeholder: str = "words"
    #: Adds to the rows of a page what the columns show and the rows lack.
    extend_rows: Callable[[Session, list[Any]], list[Any]] | None = None
    template: str = "table.html"
    #: Parameters of the page that the REST service lacks, such as the axes of a plot.
    page_parameters: tuple[str, ...] = ()

    @property
    def default_names(self) -> tuple[str, ...]:
        """Names of the columns that are shown by default."""
        return split_names(self.default_columns)


@dataclass(frozen=True)
class TableQuery:
    """The query of a table page: its parameters as text (``given``) and what they mean."""

    table: TablePage
    given: dict[str, str]
    query: Any
    filters: dict[str, Any]
    sorting: tuple[tuple[str, bool], ...]
    columns: tuple[str, ...]

    def address(self, **changes: str | None) -> str:
        """Return the address of this page with changed parameters; None removes a parameter.

        Any change, except one of the cursor, leads back to the first row.
        """
        return link(self.table.path, **{**self.given, "cursor": None, **changes})

    def request(self, path: str, **changes: str) -> str:
        """Return the address of the same query in the REST service."""
        page_only = dict.fromkeys((COLUMNS, "cursor", *self.table.page_parameters))
        order = {"sort": self.table.default_sort}
        return link(path, **{**order, **self.given, **page_only, **changes})

    def chosen(self, name: str) -> tuple[str, ...]:
        """Return the values that the query sets for a filter."""
        value = self.filters.get(name, ())
        return value if isinstance(value, tuple) else (str(value),)


def quoted(value: str) -> str:
    """Return a value for a list parameter, in quotes if it contains a comma."""
    return value if split_values(value) == (value,) else f'"{value}"'
