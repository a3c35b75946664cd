"""The rows of a search: kept in a list, or streamed one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from pvkdb.client._io.carriers import Awaiting, Blocking
from pvkdb.client._io.progress import ProgressBar
from pvkdb.client._io.steps import Steps
from pvkdb.client._search.pages import Pages
from pvkdb.client._search.tables import FrameBuilder, TableModels
from pvkdb.display.notebook import NotebookView, table

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


class _Rows(_Search[RowT, Blocking], Iterable[RowT]):
    """Rows of a search that a ``for`` loop can iterate over."""

    def to_dataframe(self) -> pd.DataFrame:
        """Return all rows, of a stream the remaining rows, as a pandas DataFrame.

        Each field is a column.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        frame = FrameBuilder(self._table.row.columns())
        for row in self:
            frame.add(row)
        return frame.finish()


class _AsyncRows(_Search[RowT, Awaiting], AsyncIterable[RowT]):
    """Rows of a search that an ``async for`` loop can iterate over."""

    async def to_dataframe(self) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame; see :meth:`Results.to_dataframe`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        frame = FrameBuilder(self._table.row.columns())
        async for row in self:
            frame.add(row)
        return frame.finish()


class _Fetched(_Search[RowT, CarrierT], NotebookView):
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

    def _parts(self) -> Iterator[str]:
        yield f"<p><b>{len(self)} {self._table.name}</b></p>"
        yield table(self._rows[:8], len(self), longest=60)

    def _load(self, count: int | None) -> Steps[bool]:
        """Fetch rows until ``count`` are loaded (None: all); return whether so many exist."""
        while not self._pages.done and (count is None or len(self._rows) < count):
            rows = yield from self._pages.next()
            if self._pages.several:  # two requests may find the same row
                keys = {str(getattr(row, self._table.key)): row for row in rows}
                rows = [row for key, row in keys.items() if key not in self._keys]
                self._keys.update(keys)
            self._rows.extend(rows)
        return count is not None and len(self._rows) >= count

    def _load_first(self) -> Steps[None]:
        """Fetch the first page, or all pages if the number of rows is known only at the end."""
        yield from self._load(1)
        if self._pages.several:
            yield from self._load(None)
        yield from self._pages.count()

    def _row(self, index: int) -> Steps[RowT]:
        position = index + len(self) if index < 0 else index
        loaded = yield from self._load(position + 1)
        if position < 0 or not loaded:
            raise IndexError(f"{self._table.name}: no row {index}; the search found {len(self)}")
        return self._rows[position]


class Results(_Fetched[RowT, Blocking], _Rows[RowT], Sequence[RowT]):
    """The rows that match a search, in order, as a read-only list.

    The search fetches the first page, and the number of rows where a page does not have it; other
    pages are fetched when needed, and kept. ``dataset_version`` identifies the data for a citation.

    Example:
        >>> devices = client.devices.search(retention_s=(1e4, None))
        >>> all(row.retention_s >= 1e4 for row in devices)
        True
        >>> len(client.references.search())
        503
    """

    def _start(self) -> None:
        super()._start()
        self._carrier._run(self._load_first())

    def __iter__(self) -> Iterator[RowT]:
        with ProgressBar(self._table.name, self._show_progress) as progress:
            position = 0
            while self._carrier._run(self._load(position + 1)):
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
            self._carrier._run(self._load(max(range(len(self))[index], default=-1) + 1))
            return self._rows[: len(self)][index]
        return self._carrier._run(self._row(index))


class AsyncResults(_Fetched[RowT, Awaiting], _AsyncRows[RowT]):
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
        yield from self._carrier._run(self._load_first()).__await__()
        return self

    async def __aiter__(self) -> AsyncIterator[RowT]:
        with ProgressBar(self._table.name, self._show_progress) as progress:
            position = 0
            while await self._carrier._run(self._load(position + 1)):
                progress.update(position, len(self))
                yield self._rows[position]
                position += 1
            progress.update(position, len(self))

    async def first(self) -> RowT:
        """Return the first row.

        Raises:
            IndexError: the search found none.
        """
        return await self._carrier._run(self._row(0))

    async def to_list(self) -> list[RowT]:
        """Return every row."""
        return [row async for row in self]


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

    def _next(self) -> Steps[RowT | None]:
        """Return the next row; None at the end."""
        while self._index >= len(self._page):
            if self._pages.done:
                self._progress.close()
                return None
            start = self._pages.position
            page = yield from self._pages.next()
            self._page, self._page_start, self._index = page, start, 0
        row = self._page[self._index]
        self._index += 1
        self._read += 1
        self._progress.update(self._read, self._pages.total)
        return row


class Stream(_Stream[RowT, Blocking], _Rows[RowT], Iterator[RowT]):
    """Rows of a search, one after the other; only one page is kept in memory.

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
        row = self._carrier._run(self._next())
        if row is None:
            raise StopIteration
        return row


class AsyncStream(_Stream[RowT, Awaiting], _AsyncRows[RowT], AsyncIterator[RowT]):
    """Rows one after the other, for ``async for``; see :class:`Stream`."""

    async def __anext__(self) -> RowT:
        row = await self._carrier._run(self._next())
        if row is None:
            raise StopAsyncIteration
        return row
