"""Reading any number of rows without keeping them, and resuming after an interruption."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pvkdb.client._io.carriers import Awaiting, Blocking
from pvkdb.client._io.progress import ProgressBar
from pvkdb.client._search.pages import Pages
from pvkdb.client._search.tables import FrameBuilder, TableModels

if TYPE_CHECKING:
    import pandas as pd

    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")
CarrierT = TypeVar("CarrierT", Blocking, Awaiting)


class _Stream(Generic[RowT, CarrierT]):
    """One page of a search, and the position of its reader."""

    def __init__(
        self,
        carrier: CarrierT,
        table: TableModels[RowT, Any],
        pages: Pages[RowT],
        progress: bool,
    ) -> None:
        self._carrier: CarrierT = carrier
        self._table = table
        self._pages = pages
        self._page: list[RowT] = []
        self._index = 0
        self._page_start = pages.position
        self._read = 0
        self._progress = ProgressBar(table.name, progress)

    @property
    def cursor(self) -> str:
        """The position after the last row; ``iterate(cursor=...)`` resumes there.

        Store it with your results, and pass the same filters again.
        """
        if self._index >= len(self._page):
            return str(self._pages.position)
        return str(self._page_start.after(self._index))

    @property
    def dataset_version(self) -> str:
        """The version of the data, from the last page."""
        return self._pages.dataset_version

    def _next_row(self) -> RowT:
        row = self._page[self._index]
        self._index += 1
        self._read += 1
        self._progress.update(self._read, self._pages.total)
        return row


class Stream(_Stream[RowT, Blocking], Iterator[RowT]):
    """Rows one after the other; only one page of them is kept.

    Example:
        >>> stream = client.references.iterate()
        >>> next(stream).key, next(stream).key
        ('r1', 'r2')
        >>> [row.key for row in client.references.iterate(cursor=stream.cursor)][:2]
        ['r3', 'r4']
    """

    def __iter__(self) -> Stream[RowT]:
        return self

    def __next__(self) -> RowT:
        while self._index >= len(self._page):
            if self._pages.done:
                self._progress.close()
                raise StopIteration
            start = self._pages.position
            page = self._carrier._run(self._pages.next())
            self._page, self._page_start, self._index = page, start, 0
        return self._next_row()

    def to_dataframe(self) -> pd.DataFrame:
        """Return the remaining rows as a pandas DataFrame, collected column by column.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        frame = FrameBuilder(self._table.row.columns())
        for row in self:
            frame.add(row)
        return frame.finish()


class AsyncStream(_Stream[RowT, Awaiting], AsyncIterator[RowT]):
    """Rows one after the other, for ``async for``; see :class:`Stream`."""

    async def __anext__(self) -> RowT:
        while self._index >= len(self._page):
            if self._pages.done:
                self._progress.close()
                raise StopAsyncIteration
            start = self._pages.position
            page = await self._carrier._run(self._pages.next())
            self._page, self._page_start, self._index = page, start, 0
        return self._next_row()

    async def to_dataframe(self) -> pd.DataFrame:
        """Return the remaining rows as a pandas DataFrame; see :meth:`Stream.to_dataframe`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        frame = FrameBuilder(self._table.row.columns())
        async for row in self:
            frame.add(row)
        return frame.finish()
