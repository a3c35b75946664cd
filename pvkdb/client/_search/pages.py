"""The pages of a search, from any position in it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from pvkdb.client._io.answers import parse, require_new
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Parameters, Steps
from pvkdb.client._search.queries import FilterValue, Query, batches, check, query_of
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.client._search.tables import TableModels
    from pvkdb.schemas.responses import Page
    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")

#: Rows requested at a time; the most that the service returns.
PAGE = 500

_POSITION = re.compile(r"(\d{1,9})\.(\d{1,9})\.([\w=-]*)", re.ASCII)


class CursorPosition(NamedTuple):
    """A position in a search: a number of rows after the service's cursor.

    ``batch`` is the index of the request, where a long list of values takes several requests.
    """

    batch: int = 0
    rows: int = 0
    cursor: str = ""

    @classmethod
    def read(cls, text: str) -> CursorPosition:
        """Return the position written in a text, such as the ``cursor`` of a stream.

        Raises:
            InputError: the text is not a cursor.
        """
        match = _POSITION.fullmatch(text)
        if match is None:
            raise InputError(
                f"cursor={text[:60]!r} cannot be read; pass the cursor of a stream unchanged"
            )
        return cls(int(match[1]), int(match[2]), match[3])

    def __str__(self) -> str:
        return f"{self.batch}.{self.rows}.{self.cursor}"

    def after(self, rows: int) -> CursorPosition:
        """Return the position ``rows`` rows later on the same page."""
        return self._replace(rows=self.rows + rows)


def searches(service: Service, name: str, query: Query) -> Steps[list[dict[str, str]]]:
    """Return the query parameters of every request that a search takes, checked.

    Raises:
        InputError: a filter or a value cannot be used.
    """
    if not query:
        return [{}]
    known = yield from service.filters(name)
    check(name, query, known)
    return batches(query, known)


class Pages(Generic[RowT]):
    """The pages of a search, one after the other.

    A long list among the filters takes several requests in turn. ``total`` is the number of rows,
    or None before the first page and with several requests. ``position`` is the start of the next
    page.
    """

    def __init__(
        self,
        service: Service,
        table: TableModels[RowT, Any],
        filters: Mapping[str, FilterValue],
        sort: str | Sequence[str] | None = None,
        cursor: str | None = None,
    ) -> None:
        self._service = service
        self._table = table
        self._path = path_of(table.name)
        self._query = query_of(filters)
        self._fixed = dict(table.parameters)
        if sort:
            self._fixed["sort"] = sort if isinstance(sort, str) else ",".join(sort)
        self._batches: list[dict[str, str]] | None = None
        self.position = CursorPosition() if cursor is None else CursorPosition.read(cursor)
        self._known = {str(self.position._replace(rows=0))}
        self._begun = False
        self.total: int | None = None
        self.dataset_version = ""
        self.done = False

    @property
    def several(self) -> bool:
        """Whether the search takes several requests, because a list of values is long."""
        return self._batches is not None and len(self._batches) > 1

    def next(self) -> Steps[list[RowT]]:
        """Return the rows of the next page; empty when ``done``.

        Raises:
            InputError: a filter or a value cannot be used.
            ServiceError: the service cannot be reached.
        """
        queries = yield from self._searches()
        batch, skip, cursor = self.position
        if batch >= len(queries):
            self.done = True
            return []
        query = {**queries[batch], **self._fixed, "limit": str(PAGE)}
        if cursor:
            query["cursor"] = cursor
        answer = yield from self._service.read(self._path, query, middle=self._begun)
        page: Page[RowT] = parse(self._table.page, answer)
        self._begun = True
        if page.next_cursor is not None:
            self.position = CursorPosition(batch, 0, page.next_cursor)
            require_new(str(self.position), self._known, answer)
        else:
            self.position = CursorPosition(batch + 1)
            self.done = batch + 1 >= len(queries)
        if len(queries) == 1 and not page.more_than_total:
            self.total = page.total
        self.dataset_version = page.dataset_version
        return page.data[skip:]

    def count(self) -> Steps[None]:
        """Ask for the number of rows, where more match than the service counts for a page."""
        if self.total is None and not self.done:
            (query,) = yield from self._searches()
            query = {**query, **self._fixed, "limit": "0"}
            answer = yield from self._service.read(self._path, query, middle=True)
            self.total = parse(self._table.page, answer).total

    def _searches(self) -> Steps[Sequence[Parameters]]:
        if self._batches is None:
            self._batches = yield from searches(self._service, self._table.name, self._query)
            if "sort" in self._fixed and self.several:
                raise InputError(
                    f"sort={self._fixed['sort']!r} cannot sort over the several requests that a "
                    "long list takes; omit it and sort the rows"
                )
        return self._batches
