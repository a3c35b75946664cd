"""From the arguments of a search to the query parameters of the service. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pvkdb.client._description import FilterDescription
from pvkdb.client._steps import Parameters
from pvkdb.errors import InputError, unknown_name

#: One value of a filter.
Plain: TypeAlias = str | float | int | bool

#: A value, a range (min, max) in which None leaves a side open, or a list of any length.
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

#: Ranges whose parameters are not simply NAME_min and NAME_max.
RANGES = {"value_ev": ("min_ev", "max_ev")}

#: Parameters with which the client pages.
PAGING = frozenset({"limit", "cursor"})

#: Values of a list in one request: an address stays far below what servers and proxies take.
LONGEST_LIST = 100


def query_parameters(filters: Mapping[str, FilterValue]) -> dict[str, str | list[str]]:
    """Query parameters for filters; a range becomes one parameter for each side that is given.

    Raises:
        InputError: a value is neither a plain value, a range of two numbers, nor a list.

    Example:
        >>> query_parameters({"absorber": "MAPbI3", "retention_s": (1e4, None)})
        {'absorber': 'MAPbI3', 'retention_s_min': '10000.0'}
        >>> query_parameters({"family": ["3D", "2D", "3D"]})
        {'family': ['3D', '2D']}
    """
    parameters: dict[str, str | list[str]] = {}
    for name, value in filters.items():
        if isinstance(value, tuple):
            bounds = RANGES.get(name, (f"{name}_min", f"{name}_max"))
            for parameter, side in zip(bounds, _range(name, value), strict=True):
                if side is not None:
                    parameters[parameter] = _text(name, side)
        elif isinstance(value, list | set | frozenset):
            many = sorted(value, key=str) if not isinstance(value, list) else value
            parameters[name] = list(dict.fromkeys(_text(name, each) for each in many))
        elif value is not None:
            parameters[name] = _text(name, value)
    return parameters


def check(
    collection: str, parameters: Parameters, known: Mapping[str, FilterDescription] | None
) -> None:
    """Refuse what the service would refuse, before anything is sent.

    Raises:
        InputError: there is no such filter (names the nearest one), it takes one value only, or a
            value is none of its choices.
    """
    for name in PAGING & set(parameters):
        raise InputError(f"{name}= is for the client, which pages by itself; take search(...)[:10]")
    if known is None:
        return
    for name, value in parameters.items():
        if name not in known:
            raise InputError(unknown_name(f"filter of {collection}", name, set(known) - PAGING))
        if isinstance(value, list) and not known[name].many:
            raise InputError(
                f"{name}= of {collection} takes one value, not a list of {len(value)}; search "
                "once for each"
            )
        choices = known[name].choices
        for each in value if isinstance(value, list) else [value]:
            if choices and each not in choices:
                raise InputError(unknown_name(f"{name} among {collection}", each, choices))


def batches(parameters: Parameters) -> list[dict[str, str | list[str]]]:
    """The same search as several, none with a list longer than :data:`LONGEST_LIST`.

    An empty list matches nothing: no search at all.

    Raises:
        InputError: more than one list is that long, or the rows are to be sorted.
    """
    lists = {name: value for name, value in parameters.items() if isinstance(value, list)}
    if any(not value for value in lists.values()):
        return []
    long = [name for name, value in lists.items() if len(value) > LONGEST_LIST]
    if not long:
        return [dict(parameters)]
    name = long[0]
    if len(long) > 1:
        raise InputError(f"{long[0]}= and {long[1]}= are both longer than {LONGEST_LIST}; cut one")
    if "sort" in parameters:
        raise InputError(
            f"the service sorts at most {LONGEST_LIST} values of {name}= at once; leave sort= out "
            "and sort the rows"
        )
    return [
        {**parameters, name: lists[name][start : start + LONGEST_LIST]}
        for start in range(0, len(lists[name]), LONGEST_LIST)
    ]


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
    if isinstance(value, int | float | str):  # an enumeration of texts counts as its value
        return str(value)
    raise InputError(
        f"{name}={value!r} cannot be used; give a text, a number, True or False, a range "
        "(min, max), or a list of values"
    )
