"""Declaration of the columns of a table: meaning, unit, bounds and source of values, filters.

A column is declared once. Made from the declaration: rows and their checks, the columns of the
store's models (``pvkdb/store/models/columns.py``), filters, orders and facets of lists, the checks
of imports, ``docs/reference/tables.md``, the Data Package beside the curated files, and the OpenAPI
description of the service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from math import inf
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pvkdb.display.notebook import NotebookView
from pvkdb.schemas import StrictModel

#: Type of a column, in the words of Table Schema (https://datapackage.org/standard/table-schema).
ColumnType = Literal["string", "integer", "number", "boolean", "datetime", "array"]

#: First word of a column's source. What is computed names its formula and paper behind a colon.
SOURCES = {
    "printed": "printed in the source, unchanged except for the unit conversions that are named",
    "curated": "set by a curator under the rules of `pvkdb/literature/README.md`",
    "computed": "made by pvkdb from other columns, with the formula named",
    "recorded": "written by pvkdb while it works",
}
NOT_REPORTED = "not reported"
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
#: What a spreadsheet runs as a formula, also behind apostrophes: = @ tab CR, or a sign before
#: anything but a number or a range such as -0.078 to -3.6.
_FORMULA = re.compile(rf"'*(?:[=@\t\r]|[+-](?!(?:{_NUMBER}(?:\s*(?:to|–)\s*[+-]?{_NUMBER})?)?\Z))")
PHASE_SOURCE = "printed, or recorded: the prototype of a calculation"


def column(
    meaning: str,
    source: str,
    *,
    unit: str | None = None,
    unit_column: str | None = None,
    values: Sequence[str] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    empty: str | None = None,
    default: Any = PydanticUndefined,
    filter_by: Any = None,
    facet: bool = False,
    imported_as: str | None = None,
) -> Any:
    """Declare a column that has a value in every row.

    Args:
        meaning: What a value says, in a sentence.
        source: Where values come from; begins with a word of :data:`SOURCES`.
        unit: Unit of a number, ``1`` where it has none.
        unit_column: The column that holds the unit, where it differs from row to row.
        values: The closed vocabulary of a text. Literals and enumerations bring their own.
        minimum: Least possible value: of rows, imports and answers.
        maximum: Largest possible value.
        empty: What an empty text means, where one is allowed.
        default: Value if a row gives none.
        filter_by: An example of a value by which lists are filtered: decimal numbers by a range,
            others by their value.
        facet: Whether lists can count the values.
        imported_as: The column of an import that takes the value with its unit.
    """
    facts = {
        "unit": unit,
        "unit_column": unit_column,
        "values": [*values] or None,
        "empty": empty,
        "source": source,
        "facet": facet or None,
        "imported_as": imported_as,
    }
    return Field(
        default=default,
        description=meaning,
        json_schema_extra=_given(facts),
        examples=None if filter_by is None else [filter_by],
        ge=minimum,
        le=maximum,
    )


def optional(meaning: str, source: str, *, empty: str = NOT_REPORTED, **facts: Any) -> Any:
    """Declare a column that may be empty (None); ``empty`` is the meaning of that."""
    return column(meaning, source, empty=empty, default=None, **facts)


@dataclass(frozen=True, slots=True)
class Column:
    """Declaration of a column of a row model; see :func:`column`."""

    name: str
    type: ColumnType
    meaning: str
    source: str = ""
    unit: str | None = None
    unit_column: str | None = None
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    empty: str | None = None
    filter_by: Any = None
    facet: bool = False
    imported_as: str | None = None

    @classmethod
    def of(cls, name: str, field: FieldInfo) -> Column:
        """Return the declaration in a field of a model."""
        extra = field.json_schema_extra
        facts: dict[str, Any] = {**extra} if isinstance(extra, dict) else {}
        kind, values = _type_and_values(field.annotation)
        facts["values"] = values or tuple(facts.get("values", ()))
        for bound in field.metadata:
            if isinstance(bound, Ge):
                facts["minimum"] = bound.ge
            elif isinstance(bound, Le):
                facts["maximum"] = bound.le
        (facts["filter_by"],) = field.examples or (None,)
        return cls(name=name, type=kind, meaning=field.description or "", **facts)

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and largest possible value, infinite where none is declared."""
        low = -inf if self.minimum is None else float(self.minimum)
        return low, inf if self.maximum is None else float(self.maximum)

    def impossible(self, value: float) -> str | None:
        """Return why the column cannot have a value; None if it can."""
        low, high = self.bounds
        if low <= value <= high:
            return None
        return f"{value:g} is outside {low:g} to {high:g}; check the unit and the sign"


class Row(StrictModel, NotebookView):
    """One row of an exported table. The docstring of a subclass describes a row."""

    #: Purpose of the table, in a sentence.
    purpose: ClassVar[str]
    #: Columns that together identify a row.
    primary_key: ClassVar[tuple[str, ...]]
    #: Columns that the table in the store lacks: they are read from others, or made.
    elsewhere: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def columns(cls) -> list[str]:
        """Return the column names, in order."""
        return list(cls.model_fields)

    @classmethod
    @lru_cache(maxsize=100)
    def dictionary(cls) -> dict[str, Column]:
        """Return the declarations of all columns by name, in order."""
        return {name: Column.of(name, field) for name, field in cls.model_fields.items()}

    @classmethod
    def only(cls, fields: Iterable[str]) -> type[Self]:
        """Return a row with some columns; reading another one raises a clear error."""
        part: Any = only_fields(cls, tuple(fields))
        part.primary_key = cls.primary_key
        return part  # type: ignore[no-any-return]  # made at run time


@lru_cache(maxsize=500)
def only_fields(model: type[BaseModel], fields: tuple[str, ...]) -> Any:
    """Return a model with some fields of another; reading another one raises a clear error."""
    base: Any = Row if issubclass(model, Row) else BaseModel

    class Partial(base, NotebookView):  # type: ignore[misc]  # made at run time
        if not TYPE_CHECKING:

            def __getattr__(self, name: str) -> Any:
                if name in model.model_fields:
                    raise AttributeError(
                        f"{name!r} was not requested; add it to fields=, or leave fields= out"
                    )
                return super().__getattr__(name)

    chosen: dict[str, Any] = {
        name: (model.model_fields[name].annotation, model.model_fields[name]) for name in fields
    }
    return create_model(f"Part of {model.__name__}", __base__=Partial, **chosen)


def csv_cell(value: object, raw: bool = False) -> str:
    """Return a value of a table as the text of a CSV cell.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, unless ``raw``.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    text = str(value)
    return f"'{text}" if isinstance(value, str) and not raw and _FORMULA.match(text) else text


def csv_text(cell: str) -> str:
    """Return the text that :func:`csv_cell` wrote into a cell, without its apostrophe."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def references_column(empty: str | None = None) -> Any:
    """Declare the column of the publications behind a row."""
    return column(
        "Publications that the source cites for the row: keys of the table `references`, separated "
        "by spaces, e.g. `r36 r70`.",
        "printed",
        empty=empty,
    )


def source_column() -> Any:
    """Declare the column of the place of a row in its source."""
    return column(
        "Place in the source: `Table 1 row 3`, `section 2.3` or `Fig. 16 caption`; `secondary: …` "
        "where it quotes another paper.",
        "curated",
    )


def as_printed_column(empty: str = "not transcribed") -> Any:
    """Declare the column of the printed text behind a row."""
    return optional(
        "The printed words with the number, literally, so that it can be found in the source.",
        "printed",
        empty=empty,
    )


def erratum_column() -> Any:
    """Declare the column for misprints and doubts found in the printed source."""
    return optional(
        "A misprint, contradiction or doubt, with its reason. The printed value stays as it is.",
        "curated",
        empty="no doubt is known",
    )


def review_column() -> Any:
    """Declare the column for imports that no second person has confirmed."""
    return optional(
        "`unreviewed`: imported, and nobody has confirmed it; a correction stands beside the row "
        "that it corrects, which counts. `self-confirmed`: whoever imported it confirmed it.",
        "recorded",
        values=("unreviewed", "self-confirmed"),
        empty="another person has confirmed it, or it is of a release or computed",
    )


#: Tables in which a row belongs to one publication, so that a foreign key can say which.
_ONE_PUBLICATION = ("devices", "benchmark_datasets")
_KEYS = (
    " Several keys in a cell cannot be declared as a foreign key in Table Schema; each of them is "
    "a `key` of `references`."
)
#: Properties of a column that travel under their own names, beside those of Table Schema.
_CUSTOM = ("unit", "unit_column", "empty", "source")


def table_schema(
    name: str, row: type[Row], names: Sequence[str], bibliography: str | None = "references"
) -> dict[str, Any]:
    """Return the Table Schema of a file with these columns of a table.

    ``bibliography`` is the resource that rows of one publication refer to; None: to several.
    """
    declared = row.dictionary()
    schema: dict[str, Any] = {
        "fields": [_field(name, row, declared[column]) for column in names],
        "missingValues": [""],
    }
    # A key with a column that may be empty cannot be said in Table Schema.
    if all(declared[column].empty is None for column in row.primary_key):
        schema["primaryKey"] = list(row.primary_key)
    if name in _ONE_PUBLICATION and bibliography is not None:
        reference = {"resource": bibliography, "fields": ["key"]}
        schema["foreignKeys"] = [{"fields": ["references"], "reference": reference}]
    return schema


def _field(name: str, row: type[Row], column: Column) -> dict[str, Any]:
    several_keys = column.name == "references" and name not in _ONE_PUBLICATION
    constraints = {
        "required": column.empty is None or None,
        "unique": row.primary_key == (column.name,) or None,
        "enum": list(column.values) or None,
        "pattern": r"\S+( \S+)*" if several_keys else None,
        "minimum": column.minimum,
        "maximum": column.maximum,
    }
    field: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "description": column.meaning + (_KEYS if several_keys else ""),
        **_given({custom: getattr(column, custom) for custom in _CUSTOM}),
    }
    if column.type == "boolean":
        field |= {"trueValues": ["true"], "falseValues": ["false"]}
    if _given(constraints):
        field["constraints"] = _given(constraints)
    return field


def _given(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if fact is not None}


def _type_and_values(annotation: object) -> tuple[ColumnType, tuple[str, ...]]:
    if get_origin(annotation) is Literal:
        return "string", get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "string", tuple(member.value for member in annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation], ()
    if get_origin(annotation) is list:
        return "array", ()
    (inner,) = (part for part in get_args(annotation) if part is not NoneType)
    return _type_and_values(inner)


_PLAIN: dict[object, ColumnType] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "datetime",
}
