"""Query parameters: their types, lists of values, and the parameters of each collection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, get_args

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, create_model

from pvkdb import suitability
from pvkdb.chemistry.family import FAMILIES
from pvkdb.errors import naming
from pvkdb.kinetics.conditions import Conditions, conditions_of
from pvkdb.operations.fields import Text
from pvkdb.schemas.kinetics import LayerRequest
from pvkdb.schemas.rankings import Halide, RankingFilters
from pvkdb.schemas.tables import Row
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.declarations import Filter

#: Longest parameter with several values.
LONGEST_LIST = 8_000

_OPENING, _CLOSING = "([{", ")]}"

ListText = Annotated[str, Field(min_length=1, max_length=LONGEST_LIST, pattern=r"^[^\x00]*$")]

#: Type of a parameter by the type of its filter, within the bounds of both databases.
PARAMETER_TYPES: dict[type, Any] = {
    str: Text,
    float: Annotated[float, Field(allow_inf_nan=False)],
    int: Annotated[int, Field(ge=-(2**31), lt=2**31)],
    bool: bool,
}

#: Member of an OpenAPI schema that names the separator of a parameter with several values.
SEPARATOR = {"x-separator": ","}

MOST_ROWS = 500


class PageQuery(BaseModel):
    """Query parameters of every collection."""

    limit: int = Field(
        default=100,
        ge=0,
        le=MOST_ROWS,
        description="Rows on a page; 0 only counts.",
        examples=[100],
    )
    cursor: Annotated[str, Field(max_length=4000)] | None = Field(
        default=None, description="next_cursor of the page before."
    )


@cache
def query_model(collection: Collection[Any]) -> type[BaseModel]:
    """Return the query parameters of a collection: filters, fields, order, limit and cursor."""
    counted = "Fields whose values are counted, separated by commas."
    return create_model(
        f"{collection.name.title()}Query",
        __base__=PageQuery,
        **filter_fields(collection),
        **fields_field(collection.row),
        **sort_field(collection),
        facets=_optional(
            names_type(collection.facets), counted, next(iter(collection.facets), None)
        ),
    )


def _optional(
    kind: Any, description: str, example: Any = None, extra: dict[str, Any] | None = None
) -> Any:
    """Return an optional query parameter as a type and default for a pydantic model."""
    examples = None if example is None else [example]
    return kind | None, Field(
        default=None, description=description, examples=examples, json_schema_extra=extra
    )


def fields_field(row: type[Row]) -> dict[str, Any]:
    """Return the parameter ``fields`` of a row type, as a field of a model."""
    columns = row.columns()
    meaning = "Only these fields of each row, separated by commas."
    return {"fields": _optional(names_type(columns), meaning, ",".join(columns[:2]))}


def sort_field(collection: Collection[Any]) -> dict[str, Any]:
    """Return the parameter ``sort`` of a collection, as a field of a model."""
    meaning = (
        "Fields to sort by, separated by commas; a minus before a name: largest first. Rows "
        "without a value come last."
    )
    example = f"-{collection.public_key or next(iter(collection.sortable))}"
    return {"sort": _optional(names_type(collection.sortable, "-?"), meaning, example)}


def filter_fields(collection: Collection[Any]) -> dict[str, Any]:
    """Return the filters of a collection as fields of a model."""
    return {
        name: _optional(
            parameter_type(entry),
            entry.description,
            entry.example,
            dict(SEPARATOR) if entry.many else None,
        )
        for name, entry in collection.filters.items()
    }


def parameter_type(entry: Filter) -> Any:
    """Return the Python type of the query parameter of a filter."""
    if entry.choices:
        return names_type(entry.choices)
    return ListText if entry.many else PARAMETER_TYPES[entry.type]


def split_values(text: str) -> tuple[str, ...]:
    """Return the values of a list; commas within brackets or double quotes separate nothing.

    Example:
        >>> split_values('MAPbI3, (FA,Cs)PbI3,"a, b"')
        ('MAPbI3', '(FA,Cs)PbI3', 'a, b')
    """
    values, value, depth, quoted = [], "", 0, False
    for character in text:
        if character == '"':
            quoted = not quoted
            continue
        if not quoted:
            depth = max(0, depth + (character in _OPENING) - (character in _CLOSING))
        if character == "," and depth == 0 and not quoted:
            values.append(value)
            value = ""
        else:
            value += character
    return _tidy([*values, value])


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in a comma-separated list; unlike values, names never contain a comma."""
    return _tidy(text.split(","))


def names_type(names: Iterable[str], sign: str = "") -> Any:
    """Return a type for lists of names; the OpenAPI description shows the allowed names.

    The type itself lets other names through: the code that reads the list refuses them and
    suggests the nearest known name.
    """
    one = f" *({sign}({'|'.join(map(re.escape, names))}))? *"
    return Annotated[
        str, Field(max_length=LONGEST_LIST, json_schema_extra={"pattern": f"^{one}(,{one})*$"})
    ]


def _tidy(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, [value.strip(" ") for value in values])))


class LayerQuery(LayerRequest):
    """The layer of predictions, beside the other parameters of a route."""

    model_config = ConfigDict(extra="ignore")


def read_layer(given: Annotated[LayerQuery, Query()]) -> Conditions:
    """Return the layer of a prediction; omitted parameters have defaults.

    Raises:
        ParameterError: a parameter is not a number or a range, or is out of bounds.
    """
    return conditions_of(given)


Layer = Annotated[Conditions, Depends(read_layer)]

_FILTER_LISTS = {
    "compositions": ListText,
    "family": names_type(FAMILIES),
    "halide": names_type(get_args(Halide)),
}
#: The filters of a ranking as fields of a model.
RANKING_FILTERS: dict[str, Any] = {
    name: _optional(_FILTER_LISTS.get(name, bool), str(field.description))
    for name, field in RankingFilters.model_fields.items()
}


def read_filters(given: Mapping[str, Any]) -> RankingFilters:
    """Return the filters of a ranking from their texts.

    Raises:
        ParameterError: a value cannot be used.
    """
    for name, value in given.items():
        with naming(name):
            suitability.parse_filters({name: value})
    return suitability.parse_filters(given)
