"""What a page of a table consists of: its cells, its filters, and a query as it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from pvkdb.store.collections.collection import Collection
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.explorer.tables.cells import Cell
from pvkdb_api.listing.parameters import split_values

#: The parameter that only pages have.
COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range that can be filtered by: ``name_min`` and ``name_max``, as far as there are both."""

    name: str
    label: str
    unit: str | None = None
    step: str = "any"


@dataclass(frozen=True, slots=True)
class Choice:
    """Boxes to tick, one for each value: those counted in the data, or ``values`` in all cases.

    Of ``values``, rows are counted where ``counted``; a row may then stand behind several boxes.
    ``every`` says that a row must fit all that are ticked, so that each box narrows the others.
    """

    name: str
    label: str
    values: tuple[tuple[str, str], ...] = ()
    counted: bool = False
    every: bool = False

    @property
    def has_counts(self) -> bool:
        """Whether numbers stand beside the boxes."""
        return self.counted or not self.values


@dataclass(frozen=True)
class Table:
    """How a collection is shown. The first ``shown`` cells stand in the table unasked."""

    collection: Collection[Any]
    path: str
    title: str
    lead: str
    cells: Mapping[str, Cell]
    shown: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    bounds: tuple[Bounds, ...] = ()
    switches: tuple[tuple[str, str], ...] = ()
    #: Other filters, one text field each: name and label.
    texts: tuple[tuple[str, str], ...] = ()
    placeholder: str = "words"
    #: Makes of the rows of a page what the cells show, where a row alone does not hold it.
    beside: Callable[[QueryCache, Session, list[Any]], list[Any]] | None = None
    template: str = "table.html"
    #: Parameters of this page alone, such as the axes of its plot.
    own: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A query as it was read: the parameters as text, and what they mean."""

    table: Table
    given: dict[str, str]
    query: Any
    filters: dict[str, Any]
    search: Any
    sorting: tuple[tuple[str, bool], ...]
    columns: tuple[str, ...]

    def address(self, **changes: str | None) -> str:
        """The address of this page with some parameters changed; None leaves one out.

        A change of anything but the cursor starts from the first row again.
        """
        parameters = {**self.given, "cursor": None, **changes}
        kept = {name: value for name, value in parameters.items() if value}
        return f"{self.table.path}?{urlencode(kept)}" if kept else self.table.path

    def request(self, path: str, **more: str) -> str:
        """The same query to the REST service; of ``more``, what is empty is left out."""
        kept = {
            name: value
            for name, value in self.given.items()
            if name not in (COLUMNS, "cursor", *self.table.own)
        }
        query = urlencode({name: value for name, value in {**kept, **more}.items() if value})
        return f"{path}?{query}" if query else path

    def chosen(self, name: str) -> tuple[str, ...]:
        """The values that a filter has."""
        value = self.filters.get(name, ())
        return value if isinstance(value, tuple) else (str(value),)


def quoted(value: str) -> str:
    """A value as one of a list: in quotes where its commas would part it."""
    return value if split_values(value) == (value,) else f'"{value}"'
