"""The rows of a search: a list that fills itself, or a stream that keeps nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from pvkdb.client._io.carriers import Awaiting, Blocking
from pvkdb.client._io.progress import progress_of
from pvkdb.client._search.frames import Frame
from pvkdb.client._search.pages import Pages
from pvkdb.client._search.tables import Table

if TYPE_CHECKING:
    import pandas as pd

    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")


class _Fetched(Generic[RowT]):
    """The rows of a search that have been fetched, and how to fetch more."""

    def __init__(self, table: Table[RowT, Any], pages: Pages[RowT], progress: bool) -> None:
        self._table = table
        self._pages = pages
        self._progress = progress
        self._rows: list[RowT] = []
        self._keys: set[str] = set()

    @property
    def dataset_version(self) -> str:
        """The version of the data, for a citation; as the last page said."""
        return self._pages.dataset_version

    def __len__(self) -> int:
        # Rows may be added while one pages; in the end, what was fetched counts.
        if self._pages.done or self._pages.total is None:
            return len(self._rows)
        return self._pages.total

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} {self._table.name}>"

    def _keep(self, rows: list[RowT]) -> None:
        if self._pages.several:  # a row may fit values of two lists; it comes once
            keys = {str(getattr(row, self._table.key)): row for row in rows}
            rows = [row for key, row in keys.items() if key not in self._keys]
            self._keys.update(keys)
        self._rows.extend(rows)

    def _frame(self) -> pd.DataFrame:
        frame = Frame(self._table.row.columns())
        frame.add(self._rows)
        return frame.finish()

    def _no_row(self, index: int) -> IndexError:
        return IndexError(f"{self._table.name}: no row {index}; the search found {len(self)}")


class Results(_Fetched[RowT], Sequence[RowT]):
    """The rows that match a search, in order, as a read-only list.

    The first page comes with the search, the others when they are needed; what has been fetched
    is kept. ``len()`` asks for nothing. ``dataset_version`` names the data for a citation.

    Example:
        >>> devices = client.devices.search(retention_s=(1e4, None))
        >>> all(row.retention_s >= 1e4 for row in devices)
        True
        >>> len(client.references.search())
        402
    """

    def __init__(
        self, carrier: Blocking, table: Table[RowT, Any], pages: Pages[RowT], progress: bool
    ) -> None:
        super().__init__(table, pages, progress)
        self._carrier = carrier
        self._load(1)
        if pages.several:  # how many rows there are is known in the end only
            self._load(None)

    def __iter__(self) -> Iterator[RowT]:
        with progress_of(self._progress, self._table.name) as progress:
            position = 0
            while self._load(position + 1):
                progress.say(position, len(self))
                yield self._rows[position]
                position += 1
            progress.say(position, len(self))

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
        """Every row as a pandas DataFrame; its columns are the fields, also where it is empty.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        Frame.require()
        for _ in self:
            pass
        return self._frame()

    def _load(self, count: int | None) -> bool:
        """Fetch until that many rows (None: all) are here; False where there are fewer."""
        while not self._pages.done and (count is None or len(self._rows) < count):
            self._keep(self._carrier._run(self._pages.next()))
        return count is not None and len(self._rows) >= count


class AsyncResults(_Fetched[RowT]):
    """The rows that match a search, for ``async for``; what has been fetched is kept.

    Awaited, it fetches the first page and is then as long as the search has rows.

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

    def __init__(
        self, carrier: Awaiting, table: Table[RowT, Any], pages: Pages[RowT], progress: bool
    ) -> None:
        super().__init__(table, pages, progress)
        self._carrier = carrier

    def __await__(self) -> Generator[Any, Any, AsyncResults[RowT]]:
        return self._begin().__await__()

    async def __aiter__(self) -> AsyncIterator[RowT]:
        with progress_of(self._progress, self._table.name) as progress:
            position = 0
            while await self._load(position + 1):
                progress.say(position, len(self))
                yield self._rows[position]
                position += 1
            progress.say(position, len(self))

    async def first(self) -> RowT:
        """The first row.

        Raises:
            IndexError: the search found none.
        """
        if not await self._load(1):
            raise self._no_row(0)
        return self._rows[0]

    async def to_list(self) -> list[RowT]:
        """Every row."""
        return [row async for row in self]

    async def to_dataframe(self) -> pd.DataFrame:
        """Every row as a pandas DataFrame; see :meth:`Results.to_dataframe`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        Frame.require()
        await self.to_list()
        return self._frame()

    async def _begin(self) -> AsyncResults[RowT]:
        await self._load(1)
        if self._pages.several:
            await self._load(None)
        return self

    async def _load(self, count: int | None) -> bool:
        while not self._pages.done and (count is None or len(self._rows) < count):
            self._keep(await self._carrier._run(self._pages.next()))
        return count is not None and len(self._rows) >= count
