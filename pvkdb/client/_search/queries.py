"""Query parameters from the arguments of a search. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.schemas.responses import FilterInfo

#: One value of a filter.
Plain: TypeAlias = str | float | int | bool

#: A value, a range (min, max) in which None is no bound, or a list of any length.
FilterValue: TypeAlias = (
    Plain
    | tuple[float | None, float | None]
    | list[str]
    | list[int]
    | list[float]
    | set[str]
    | frozenset[str]
    | None
)

#: Query parameters by name: a value, or a list of alternative values.
Query: TypeAlias = Mapping[str, "str | list[str]"]

#: Ranges whose parameters are not named NAME_min and NAME_max.
RANGES = {"value_ev": ("min_ev", "max_ev")}

#: Parameters of a collection that are not filters, and what to use instead.
NO_FILTERS = {
    "limit": "the client fetches pages itself; use search(...)[:10]",
    "cursor": "the client fetches pages itself; continue with iterate(cursor=...)",
    "facets": "facets(...) counts the values of fields, count(...) the rows of a filter",
    "fields": "pass it to search or iterate",
    "sort": "pass it to search or iterate",
}

#: Limits on the values of one request, so that servers accept the length of its URL.
MOST_VALUES = 100
MOST_CHARACTERS = 4000


def query_of(filters: Mapping[str, FilterValue]) -> dict[str, str | list[str]]:
    """Return the query parameters of filters; a range becomes one parameter for each bound.

    Raises:
        InputError: a value is neither a plain value, a range of two numbers, nor a list.

    Example:
        >>> query_of({"absorber": "MAPbI3", "retention_s": (1e4, None)})
        {'absorber': 'MAPbI3', 'retention_s_min': '10000.0'}
        >>> query_of({"family": ["3D", "2D", "3D"]})
        {'family': ['3D', '2D']}
    """
    query: dict[str, str | list[str]] = {}
    for name, value in filters.items():
        if isinstance(value, tuple):
            bounds = RANGES.get(name, (f"{name}_min", f"{name}_max"))
            for parameter, side in zip(bounds, _range(name, value), strict=True):
                if side is not None:
                    query[parameter] = _text(name, side)
        elif isinstance(value, list | set | frozenset):
            many = value if isinstance(value, list) else sorted(value, key=str)
            query[name] = list(dict.fromkeys(_text(name, each) for each in many))
        elif value is not None:
            query[name] = _text(name, value)
    return query


def check(collection: str, query: Query, known: Mapping[str, FilterInfo]) -> None:
    """Refuse what the service would take for something else; it refuses the rest itself.

    Raises:
        InputError: a parameter of paging is given, or a list where one value is accepted.
    """
    for name, value in query.items():
        if name in NO_FILTERS:
            raise InputError(f"{name}= is not a filter: {NO_FILTERS[name]}")
        one = name in known and not known[name].several
        if one and isinstance(value, list) and len(value) > 1:
            raise InputError(
                f"{name}= of {collection} accepts one value, not a list of {len(value)}; "
                "search once for each"
            )


def batches(
    query: Query, known: Mapping[str, FilterInfo] = MappingProxyType({})
) -> list[dict[str, str]]:
    """Split a query into the parameters of one request, or of several if a list is too long.

    An empty list matches nothing and gives no request.

    Raises:
        InputError: more than one list is too long.

    Example:
        >>> batches({"family": ["3D", "2D"], "absorber": ["(FA,Cs)PbI3"]})
        [{'absorber': '"(FA,Cs)PbI3"', 'family': '3D,2D'}]
    """
    parameters, long = {}, {}
    for name, value in sorted(query.items()):
        if isinstance(value, list):
            parts = _parts([_quoted(name, each) for each in value])
            if not parts:
                return []
            parameters[name] = parts[0]
            if len(parts) > 1:
                long[name] = parts
        else:
            many = name in known and known[name].several
            parameters[name] = _quoted(name, value) if many else value
    if not long:
        return [parameters]
    if len(long) > 1:
        one, two = list(long)[:2]
        raise InputError(f"{one}= and {two}= are both too long for one request; shorten one")
    ((name, parts),) = long.items()
    return [{**parameters, name: part} for part in parts]


def _parts(values: Sequence[str]) -> list[str]:
    """Join values by commas, as many as fit into one request."""
    parts: list[list[str]] = []
    characters = 0
    for value in values:
        characters += len(value) + 1
        if not parts or len(parts[-1]) == MOST_VALUES or characters > MOST_CHARACTERS:
            parts.append([])
            characters = len(value) + 1
        parts[-1].append(value)
    return [",".join(part) for part in parts]


def _quoted(name: str, value: str) -> str:
    """Quote a value that contains commas or brackets, which separate values."""
    if '"' in value:
        raise InputError(f"{name}={value!r} cannot be used: double quotes separate values")
    return f'"{value}"' if set(value) & set(",()[]{}") or value != value.strip() else value


def _range(name: str, value: tuple[object, ...]) -> tuple[object, ...]:
    numbers = [side for side in value if side is not None]
    if len(value) != 2 or not all(
        isinstance(side, int | float) and not isinstance(side, bool) for side in numbers
    ):
        raise InputError(
            f"{name}={value!r} is not a range; write (min, max), None for no bound, or a list "
            "[...] of values"
        )
    if len(numbers) == 2 and numbers[0] > numbers[1]:  # type: ignore[operator]
        raise InputError(f"{name}={value!r} is empty; write the smaller number first")
    return value


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):  # a text enumeration is its value
        return str(value)
    raise InputError(
        f"{name}={value!r} cannot be used; give a text, a number, True or False, a range "
        "(min, max), or a list of values"
    )
