"""Which documents a collection gives. They are loaded when the first answer is read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pvkdb.schemas.responses import Page
    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")
DocumentT = TypeVar("DocumentT", bound="BaseModel")


class Table(Generic[RowT, DocumentT]):
    """A collection by its name, with the models of its rows and of a single entry."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def row(self) -> type[RowT]:
        """The model of a row."""
        from pvkdb.schemas.tables import TABLES

        return cast("type[RowT]", TABLES[self.name])

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
