"""The rows of a search, fetched when they are needed."""

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
CarrierT = TypeVar("CarrierT", Blocking, Awaiting)


class _Fetched(Generic[RowT, CarrierT]):
    """The rows of a search that have been fetched, and how to fetch more."""

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
        self._progress = progress
        self._rows: list[RowT] = []
        self._keys: set[str] = set()

    @property
    def dataset_version(self) -> str:
        """The version of the data, for a citation; from the last page."""
        return self._pages.dataset_version

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

    def __init__(
        self,
        carrier: Blocking,
        table: TableModels[RowT, Any],
        pages: Pages[RowT],
        progress: bool,
    ) -> None:
        super().__init__(carrier, table, pages, progress)
        self._load(1)
        if pages.several:  # the number of rows is only known at the end
            self._load(None)

    def __iter__(self) -> Iterator[RowT]:
        with ProgressBar(self._table.name, self._progress) as progress:
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
        frame = FrameBuilder(self._table.row.columns())
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
        with ProgressBar(self._table.name, self._progress) as progress:
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
        frame = FrameBuilder(self._table.row.columns())
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
