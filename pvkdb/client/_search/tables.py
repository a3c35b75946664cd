"""Models of a collection's rows and documents, loaded when the first response is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pvkdb._extras import needing
from pvkdb.errors import InputError, unknown_name
from pvkdb.operations.other_packages import load

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import BaseModel

    from pvkdb.schemas.responses import Page
    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")
DocumentT = TypeVar("DocumentT", bound="BaseModel")


def chosen_fields(
    what: str, key: str, fields: Iterable[str], model: type[BaseModel]
) -> tuple[str, ...]:
    """Return the fields of ``what`` that are asked for, each once behind the key.

    Raises:
        InputError: a field does not exist; names the nearest one.
    """
    if isinstance(fields, str):
        raise InputError(f"fields={fields!r} is not a list; write fields=[{fields!r}]")
    wanted = tuple(dict.fromkeys([key, *fields]))
    for name in wanted:
        if name not in model.model_fields:
            raise InputError(unknown_name(f"field of {what}", str(name), model.model_fields))
    return wanted


class TableModels(Generic[RowT, DocumentT]):
    """The name of a collection, with the models of its rows and of a single entry.

    ``document`` names that of an entry as ``module:name``; empty: an entry is a row.
    """

    def __init__(
        self, name: str, document: str = "", fields: tuple[str, ...] | None = None
    ) -> None:
        self.name = name
        self._document = document
        self._fields = fields

    def only(self, fields: Iterable[str] | None) -> TableModels[RowT, DocumentT]:
        """Return the same collection with only some fields of each row, and its key.

        Raises:
            InputError: a field does not exist; names the nearest one.
        """
        if fields is None:
            return self
        wanted = chosen_fields(self.name, self.key, fields, self.row)
        return TableModels(self.name, self._document, wanted)

    @property
    def parameters(self) -> dict[str, str]:
        """The query parameters that select these fields; empty for all fields."""
        return {} if self._fields is None else {"fields": ",".join(self._fields)}

    @cached_property
    def row(self) -> type[RowT]:
        """The pydantic model of a row of the collection, with the selected fields only."""
        from pvkdb.schemas.tables import TABLES

        row = cast("type[RowT]", TABLES[self.name])
        return row if self._fields is None else row.only(self._fields)

    @cached_property
    def page(self) -> type[Page[RowT]]:
        """The pydantic model of a page of rows."""
        from pvkdb.schemas.responses import Page

        row: Any = self.row
        return cast("type[Page[RowT]]", Page[row])

    @cached_property
    def document(self) -> type[DocumentT]:
        """The pydantic model of a single entry."""
        return cast("type[DocumentT]", load(self._document) if self._document else self.row)

    @property
    def key(self) -> str:
        """The name of the field that identifies a row."""
        return self.row.primary_key[0]


class FrameBuilder:
    """Collects rows column by column for a DataFrame, which has all columns even without rows.

    Raises:
        MissingExtraError: pandas is not installed.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        with needing("store"):
            import pandas as pd
        self._make = pd.DataFrame
        self._columns: dict[str, list[Any]] = {name: [] for name in columns}

    def add(self, row: Row) -> None:
        """Add a row."""
        for name, values in self._columns.items():
            values.append(getattr(row, name))

    def finish(self) -> pd.DataFrame:
        """Return the DataFrame."""
        return self._make(self._columns)
