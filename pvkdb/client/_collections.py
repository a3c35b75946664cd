"""The collections of the service, and the results of a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from pvkdb.client._answers import misfit, parse
from pvkdb.client._connection import API, Connection
from pvkdb.client._queries import FilterValue, query_parameters
from pvkdb.errors import MissingExtraError
from pvkdb.schemas.responses import Page
from pvkdb.schemas.tables import Row

if TYPE_CHECKING:
    import pandas as pd

RowT = TypeVar("RowT", bound=Row)
DocumentT = TypeVar("DocumentT", bound=BaseModel)

#: Rows asked for at a time; the most that the service gives.
PAGE = 500


class Results(Sequence[RowT], Generic[RowT]):
    """The rows that match a search, in order, as a read-only list.

    The first page comes with the search, the others when they are needed; what has been fetched
    is kept. ``len()`` asks for nothing. ``dataset_version`` names the data for a citation.
    """

    def __init__(
        self, connection: Connection, name: str, row: type[RowT], parameters: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._name = name
        self._row = row
        self._parameters = {**parameters, "limit": str(PAGE)}
        self._rows: list[RowT] = []
        self._cursor: str | None = None
        self._total = 0
        self.dataset_version = ""
        self._fetch()

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[RowT]:
        position = 0
        while self._load(position + 1):
            yield self._rows[position]
            position += 1

    @overload
    def __getitem__(self, index: int) -> RowT: ...

    @overload
    def __getitem__(self, index: slice) -> list[RowT]: ...

    def __getitem__(self, index: int | slice) -> RowT | list[RowT]:
        if isinstance(index, slice):
            self._load(max(range(self._total)[index], default=-1) + 1)
            return self._rows[: self._total][index]
        position = index + self._total if index < 0 else index
        if position < 0 or not self._load(position + 1):
            raise IndexError(f"{self._name}: no row {index}; the search found {self._total}")
        return self._rows[position]

    def __repr__(self) -> str:
        return f"<Results: {self._total} {self._name}>"

    def to_dataframe(self) -> pd.DataFrame:
        """Every row as a pandas DataFrame; its columns are the fields, also where it is empty.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("pandas", "store") from error
        return pd.DataFrame([row.model_dump() for row in self], columns=self._row.columns())

    def _load(self, count: int) -> bool:
        """Fetch until that many rows are here; False where there are fewer."""
        while len(self._rows) < count and self._cursor is not None:
            self._fetch()
        return len(self._rows) >= count

    def _fetch(self) -> None:
        parameters = dict(self._parameters)
        if self._cursor is not None:
            parameters["cursor"] = self._cursor
        response = self._connection.get(f"{API}/{self._name}", parameters)
        page = parse(Page[Any], response)
        try:
            self._rows.extend(map(self._row.model_validate, page.data))
        except ValidationError as error:
            raise misfit(response, self._row, error) from error
        self._cursor = page.next_cursor
        # Rows may be added while one pages; in the end, what was fetched counts.
        self._total = page.total if self._cursor is not None else len(self._rows)
        self.dataset_version = page.dataset_version


class Collection(Generic[RowT, DocumentT]):
    """A collection of the service: rows to search, and one document for each key."""

    def __init__(
        self, connection: Connection, name: str, row: type[RowT], document: type[DocumentT]
    ) -> None:
        self._connection = connection
        self._name = name
        self._row = row
        self._document = document

    def search(self, **filters: FilterValue) -> Results[RowT]:
        """Rows that match every filter; all rows without any.

        A range is a tuple ``(min, max)`` with None for an open side, for example
        ``retention_s=(1e4, None)`` for devices or ``value_ev=(0.1, 0.4)`` for energetics.

        Raises:
            InputError: the service has no such filter or bound (names the nearest one), or
                cannot use a value.
            ServiceError: the service cannot be reached.
        """
        return Results(self._connection, self._name, self._row, query_parameters(filters))

    def get(self, key: str) -> DocumentT:
        """One entry, by its id (references: by key, e.g. ``r36``).

        Raises:
            NotFoundError: there is none.
            ServiceError: the service cannot be reached.
        """
        path = f"{API}/{self._name}/{quote(key, safe='')}"
        return parse(self._document, self._connection.get(path))

    def fields(self) -> list[str]:
        """Names of the fields of a row, in the order of the exported table."""
        return self._row.columns()
