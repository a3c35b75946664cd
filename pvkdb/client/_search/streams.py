"""Going through any number of rows without keeping them, and going on where one stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pvkdb.client._io.carriers import Awaiting, Blocking
from pvkdb.client._io.progress import progress_of
from pvkdb.client._search.frames import Frame
from pvkdb.client._search.pages import Pages
from pvkdb.client._search.tables import Table

if TYPE_CHECKING:
    import pandas as pd

    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")


class _Stream(Generic[RowT]):
    """One page of a search, and how far its reader has come."""

    def __init__(self, table: Table[RowT, Any], pages: Pages[RowT], progress: bool) -> None:
        self._table = table
        self._pages = pages
        self._page: list[RowT] = []
        self._position = 0
        self._page_place = pages.place
        self._read = 0
        self._progress = progress_of(progress, table.name)

    @property
    def cursor(self) -> str:
        """The place behind the row that came last; ``iterate(cursor=...)`` goes on from there.

        Keep it with what was made of the rows, and give the same filters again.
        """
        if self._position >= len(self._page):
            return str(self._pages.place)
        return str(self._page_place.behind(self._position))

    @property
    def dataset_version(self) -> str:
        """The version of the data, as the last page said."""
        return self._pages.dataset_version

    def _row(self) -> RowT:
        row = self._page[self._position]
        self._position += 1
        self._read += 1
        self._progress.say(self._read, self._pages.total)
        return row


class Stream(_Stream[RowT], Iterator[RowT]):
    """Rows one after the other; only one page of them is held.

    Example:
        >>> stream = client.references.iterate()
        >>> next(stream).key, next(stream).key
        ('r1', 'r2')
        >>> [row.key for row in client.references.iterate(cursor=stream.cursor)][:2]
        ['r3', 'r4']
    """

    def __init__(
        self, carrier: Blocking, table: Table[RowT, Any], pages: Pages[RowT], progress: bool
    ) -> None:
        super().__init__(table, pages, progress)
        self._carrier = carrier

    def __iter__(self) -> Stream[RowT]:
        return self

    def __next__(self) -> RowT:
        while self._position >= len(self._page):
            if self._pages.done:
                self._progress.close()
                raise StopIteration
            place = self._pages.place
            page = self._carrier._run(self._pages.next())
            self._page, self._page_place, self._position = page, place, 0
        return self._row()

    def to_dataframe(self) -> pd.DataFrame:
        """The rows to come as a pandas DataFrame, held as columns while they come.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        Frame.require()
        frame = Frame(self._table.row.columns())
        for row in self:
            frame.add([row])
        return frame.finish()


class AsyncStream(_Stream[RowT], AsyncIterator[RowT]):
    """Rows one after the other, for ``async for``; see :class:`Stream`."""

    def __init__(
        self, carrier: Awaiting, table: Table[RowT, Any], pages: Pages[RowT], progress: bool
    ) -> None:
        super().__init__(table, pages, progress)
        self._carrier = carrier

    async def __anext__(self) -> RowT:
        while self._position >= len(self._page):
            if self._pages.done:
                self._progress.close()
                raise StopAsyncIteration
            place = self._pages.place
            page = await self._carrier._run(self._pages.next())
            self._page, self._page_place, self._position = page, place, 0
        return self._row()

    async def to_dataframe(self) -> pd.DataFrame:
        """The rows to come as a pandas DataFrame; see :meth:`Stream.to_dataframe`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        Frame.require()
        frame = Frame(self._table.row.columns())
        async for row in self:
            frame.add([row])
        return frame.finish()
