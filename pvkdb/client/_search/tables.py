"""Which documents a collection gives. They are loaded when the first answer is read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pvkdb.errors import InputError, unknown_name

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pvkdb.schemas.responses import Page
    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")
DocumentT = TypeVar("DocumentT", bound="BaseModel")


class Table(Generic[RowT, DocumentT]):
    """A collection by its name, with the models of its rows and of a single entry."""

    def __init__(self, name: str, fields: tuple[str, ...] | None = None) -> None:
        self.name = name
        self._fields = fields

    def only(self, fields: Iterable[str] | None) -> Table[RowT, DocumentT]:
        """The same collection with some fields of each row; its key is always among them.

        Raises:
            InputError: there is no such field; names the nearest one.
        """
        if fields is None:
            return self
        if isinstance(fields, str):
            raise InputError(f"fields={fields!r} is no list; write fields=[{fields!r}]")
        wanted = dict.fromkeys([self.key, *fields])
        for name in wanted:
            if name not in self.row.model_fields:
                known = self.row.model_fields
                raise InputError(unknown_name(f"field of {self.name}", str(name), known))
        return Table(self.name, tuple(wanted))

    @property
    def parameters(self) -> dict[str, str]:
        """What asks the service for these fields."""
        return {} if self._fields is None else {"fields": ",".join(self._fields)}

    @cached_property
    def row(self) -> type[RowT]:
        """The model of a row."""
        from pvkdb.schemas.tables import TABLES

        row = cast("type[RowT]", TABLES[self.name])
        return row if self._fields is None else _part(row, self._fields)

    @cached_property
    def page(self) -> type[Page[RowT]]:
        """The model of a page of rows."""
        from pvkdb.schemas.responses import Page

        row: Any = self.row
        return cast("type[Page[RowT]]", Page[row])

    @cached_property
    def document(self) -> type[DocumentT]:
        """The model of one entry: of most collections, its row."""
        model: Any = self.row
        if self.name == "structures":
            from pvkdb.client.structures import StructureWithCoordinates

            model = StructureWithCoordinates
        elif self.name == "calculations":
            from pvkdb.schemas.calculations import CalculationDocument

            model = CalculationDocument
        return cast("type[DocumentT]", model)

    @property
    def key(self) -> str:
        """The field that tells the rows apart."""
        return self.row.primary_key[0]


@cache
def _part(row: type[RowT], fields: tuple[str, ...]) -> type[RowT]:
    """The model of rows that hold some fields; any other one says that it was not asked for."""
    from pydantic import create_model

    from pvkdb.schemas.tables import Row

    class Part(Row):
        if not TYPE_CHECKING:

            def __getattr__(self, name: str) -> Any:
                if name in row.model_fields:
                    raise AttributeError(
                        f"{name!r} was not asked for; add it to fields=, or leave fields= out"
                    )
                return super().__getattr__(name)

    asked: dict[str, Any] = {
        name: (row.model_fields[name].annotation, row.model_fields[name]) for name in fields
    }
    part: Any = create_model(f"Part of {row.__name__}", __base__=Part, **asked)
    part.primary_key = row.primary_key
    return cast("type[RowT]", part)
