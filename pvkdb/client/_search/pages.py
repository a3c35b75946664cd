"""Going through the rows of a search page by page, from any place in it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from pvkdb.client._io.answers import parse
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Parameters, Steps
from pvkdb.client._search.queries import Asked, FilterValue, asked_for, batches, check
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.client._search.tables import Table
    from pvkdb.schemas.responses import Page
    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")

#: Rows asked for at a time; the most that the service gives.
PAGE = 500

_PLACE = re.compile(r"(\d{1,9})\.(\d{1,9})\.([\w=-]*)", re.ASCII)


class Place(NamedTuple):
    """A place among the rows of a search: so many rows behind the service's cursor.

    ``batch`` counts the searches that a long list has made of it.
    """

    batch: int = 0
    rows: int = 0
    cursor: str = ""

    @classmethod
    def read(cls, text: str) -> Place:
        """A place from its text.

        Raises:
            InputError: it is none.
        """
        match = _PLACE.fullmatch(text)
        if match is None:
            raise InputError(
                f"cursor={text[:60]!r} cannot be read; pass the cursor of a stream on unchanged"
            )
        return cls(int(match[1]), int(match[2]), match[3])

    def __str__(self) -> str:
        return f"{self.batch}.{self.rows}.{self.cursor}"

    def behind(self, rows: int) -> Place:
        """The place that many rows on, on the same page."""
        return self._replace(rows=self.rows + rows)


def searches(service: Service, name: str, asked: Asked) -> Steps[list[dict[str, str]]]:
    """The query parameters of the searches that find what is asked for, checked.

    Raises:
        InputError: a filter or a value cannot be used.
    """
    if not asked:
        return [{}]
    description = yield from service.describe()
    known = description.parameters(path_of(name))
    check(name, asked, known)
    return batches(asked, known)


class Pages(Generic[RowT]):
    """The pages of a search, one after the other.

    A long list among the filters makes several searches of it, which follow each other. ``total``
    counts the rows of a single search, and is None before the first page or with several.
    ``place`` is where the page to come begins.
    """

    def __init__(
        self,
        service: Service,
        table: Table[RowT, Any],
        filters: Mapping[str, FilterValue],
        sort: str | Sequence[str] | None = None,
        cursor: str | None = None,
    ) -> None:
        self._service = service
        self._table = table
        self._path = path_of(table.name)
        self._asked = asked_for(filters)
        self._fixed = dict(table.parameters)
        if sort:
            self._fixed["sort"] = sort if isinstance(sort, str) else ",".join(sort)
        self._batches: list[dict[str, str]] | None = None
        self.place = Place() if cursor is None else Place.read(cursor)
        self._begun = False
        self.total: int | None = None
        self.dataset_version = ""
        self.done = False

    @property
    def several(self) -> bool:
        """Whether a long list has made several searches of this one."""
        return self._batches is not None and len(self._batches) > 1

    def next(self) -> Steps[list[RowT]]:
        """The rows of the next page; none where ``done``.

        Raises:
            InputError: a filter or a value cannot be used.
            ServiceError: the service cannot be reached.
        """
        asked_in_turn = yield from self._searches()
        batch, skip, cursor = self.place
        if batch >= len(asked_in_turn):
            self.done = True
            return []
        asked = {**asked_in_turn[batch], **self._fixed, "limit": str(PAGE)}
        if cursor:
            asked["cursor"] = cursor
        page = yield from self._fetch(asked)
        self._begun = True
        if page.next_cursor is not None:
            self.place = Place(batch, 0, page.next_cursor)
        else:
            self.place = Place(batch + 1)
            self.done = batch + 1 >= len(asked_in_turn)
        self.total = page.total if len(asked_in_turn) == 1 else None
        self.dataset_version = page.dataset_version
        return page.data[skip:]

    def _searches(self) -> Steps[Sequence[Parameters]]:
        if self._batches is None:
            self._batches = yield from searches(self._service, self._table.name, self._asked)
            if "sort" in self._fixed and self.several:
                raise InputError(
                    f"sort={self._fixed['sort']!r} cannot sort over the several requests that a "
                    "long list takes; leave it out and sort the rows"
                )
        return self._batches

    def _fetch(self, asked: Parameters) -> Steps[Page[RowT]]:
        answer = yield from self._service.read(self._path, asked, middle=self._begun)
        return parse(self._table.page, answer)
