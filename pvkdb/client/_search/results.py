"""The rows of a search: kept in a list, or streamed one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from pvkdb.client._io.carriers import Awaiting, Blocking
from pvkdb.client._io.progress import ProgressBar
from pvkdb.client._search.pages import Pages
from pvkdb.client._search.tables import FrameBuilder, TableModels

if TYPE_CHECKING:
    import pandas as pd

    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")
CarrierT = TypeVar("CarrierT", bound=Blocking | Awaiting)


class _Search(Generic[RowT, CarrierT]):
    """A search: its pages, the models of its rows, and the client that fetches them."""

    def __init__(
        self, carrier: CarrierT, table: TableModels[RowT, Any], pages: Pages[RowT], progress: bool
    ) -> None:
        self._carrier: CarrierT = carrier
        self._table = table
        self._pages = pages
        self._show_progress = progress
        self._start()

    def _start(self) -> None:
        """Set the initial state; subclasses override it."""

    @property
    def dataset_version(self) -> str:
        """The dataset version of the last fetched page, for a citation."""
        return self._pages.dataset_version

    def _frame(self) -> FrameBuilder:
        return FrameBuilder(self._table.row.columns())


class _Fetched(_Search[RowT, CarrierT]):
    """A search that keeps the rows it has fetched."""

    def _start(self) -> None:
        self._rows: list[RowT] = []
        self._keys: set[str] = set()

    def __len__(self) -> int:
        # Rows may be added meanwhile; at the end, the number of fetched rows counts.
        if self._pages.done or self._pages.total is None:
            return len(self._rows)
        return self._pages.total

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} {self._table.name}>"

    def _keep(self, rows: list[RowT]) -> None:
        if self._pages.several:  # two requests may find the same row
            keys = {str(getattr(row, self._table.key)): row for row in rows}
            rows = [row for key, row in keys.items() if key not in self._keys]
            self._keys.update(keys)
        self._rows.extend(rows)

    def _no_row(self, index: int) -> IndexError:
        return IndexError(f"{self._table.name}: no row {index}; the search found {len(self)}")


class Results(_Fetched[RowT, Blocking], Sequence[RowT]):
    """The rows that match a search, in order, as a read-only list.

    The search fetches the first page; others are fetched when needed, and kept. ``len()`` sends
    no request. ``dataset_version`` identifies the data for a citation.

    Example:
        >>> devices = client.devices.search(retention_s=(1e4, None))
        >>> all(row.retention_s >= 1e4 for row in devices)
        True
        >>> len(client.references.search())
        402
    """

    def _start(self) -> None:
        super()._start()
        self._load(1)
        if self._pages.several:  # the number of rows is only known at the end
            self._load(None)

    def __iter__(self) -> Iterator[RowT]:
        with ProgressBar(self._table.name, self._show_progress) as progress:
            position = 0
            while self._load(position + 1):
                progress.update(position, len(self))
                yield self._rows[position]
                position += 1
            progress.update(position, len(self))

    @overload
    def __getitem__(self, index: int) -> RowT: ...

    @overload
    def __getitem__(self, index: slice) -> list[RowT]: ...

    def __getitem__(self, index: int | slice) -> RowT | list[RowT]:
        if isinstance(index, slice):
            self._load(max(range(len(self))[index], default=-1) + 1)
            return self._rows[: len(self)][index]
        position = index + len(self) if index < 0 else index
        if position < 0 or not self._load(position + 1):
            raise self._no_row(index)
        return self._rows[position]

    def to_dataframe(self) -> pd.DataFrame:
        """Return every row as a pandas DataFrame with one column for each field.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        frame = self._frame()
        for row in self:
            frame.add(row)
        return frame.finish()

    def _load(self, count: int | None) -> bool:
        """Fetch rows until there are ``count`` (None: all); return whether there are that many."""
        while not self._pages.done and (count is None or len(self._rows) < count):
            self._keep(self._carrier._run(self._pages.next()))
        return count is not None and len(self._rows) >= count


class AsyncResults(_Fetched[RowT, Awaiting]):
    """The rows that match a search, for ``async for``; fetched rows are kept.

    ``await`` fetches the first page; ``len()`` then gives the number of rows.

    Example:
        >>> import asyncio, pvkdb
        >>> async def long_lasting() -> int:
        ...     async with pvkdb.AsyncClient("http://127.0.0.1:8000") as client:
        ...         found = await client.devices.search(retention_s=(1e4, None))
        ...         assert [row.id async for row in found][0] == (await found.first()).id
        ...         return len(found)
        >>> asyncio.run(long_lasting()) > 0
        True
    """

    def __await__(self) -> Generator[Any, Any, AsyncResults[RowT]]:
        return self._begin().__await__()

    async def __aiter__(self) -> AsyncIterator[RowT]:
        with ProgressBar(self._table.name, self._show_progress) as progress:
            position = 0
            while await self._load(position + 1):
                progress.update(position, len(self))
                yield self._rows[position]
                position += 1
            progress.update(position, len(self))

    async def first(self) -> RowT:
        """Return the first row.

        Raises:
            IndexError: the search found none.
        """
        if not await self._load(1):
            raise self._no_row(0)
        return self._rows[0]

    async def to_list(self) -> list[RowT]:
        """Return every row."""
        return [row async for row in self]

    async def to_dataframe(self) -> pd.DataFrame:
        """Return every row as a pandas DataFrame; see :meth:`Results.to_dataframe`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        frame = self._frame()
        async for row in self:
            frame.add(row)
        return frame.finish()

    async def _begin(self) -> AsyncResults[RowT]:
        await self._load(1)
        if self._pages.several:
            await self._load(None)
        return self

    async def _load(self, count: int | None) -> bool:
        while not self._pages.done and (count is None or len(self._rows) < count):
            self._keep(await self._carrier._run(self._pages.next()))
        return count is not None and len(self._rows) >= count


class _Stream(_Search[RowT, CarrierT]):
    """One page of a search, and the position of its reader."""

    def _start(self) -> None:
        self._page: list[RowT] = []
        self._index = 0
        self._page_start = self._pages.position
        self._read = 0
        self._progress = ProgressBar(self._table.name, self._show_progress)

    @property
    def cursor(self) -> str:
        """The position after the last row; ``iterate(cursor=...)`` resumes there.

        Store it with your results, and pass the same filters again.
        """
        if self._index >= len(self._page):
            return str(self._pages.position)
        return str(self._page_start.after(self._index))

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
        frame = self._frame()
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
        frame = self._frame()
        async for row in self:
            frame.add(row)
        return frame.finish()
