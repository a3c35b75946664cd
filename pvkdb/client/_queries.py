"""From the arguments of a search to the query parameters of the service. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from pvkdb.errors import InputError

#: A value, or a range (min, max) in which None leaves a side open.
FilterValue = str | float | int | bool | tuple[float | None, float | None] | None

#: Ranges whose parameters are not simply NAME_min and NAME_max.
RANGES = {"value_ev": ("min_ev", "max_ev")}


def query_parameters(filters: Mapping[str, FilterValue]) -> dict[str, str]:
    """Query parameters for filters; a range becomes one parameter for each side that is given.

    Whether the service knows a parameter is for the service to say: it answers with the nearest
    name that it knows.

    Raises:
        InputError: a value is neither a plain value nor a range of two numbers.

    Example:
        >>> query_parameters({"absorber": "MAPbI3", "retention_s": (1e4, None)})
        {'absorber': 'MAPbI3', 'retention_s_min': '10000.0'}
    """
    parameters = {}
    for name, value in filters.items():
        if isinstance(value, tuple):
            bounds = RANGES.get(name, (f"{name}_min", f"{name}_max"))
            sides = dict(zip(bounds, _range(name, value), strict=True))
        else:
            sides = {name: value}
        for parameter, side in sides.items():
            if side is not None:
                parameters[parameter] = _text(name, side)
    return parameters


def _range(name: str, value: tuple[object, ...]) -> tuple[object, ...]:
    numbers = [side for side in value if side is not None]
    if len(value) != 2 or not all(
        isinstance(side, int | float) and not isinstance(side, bool) for side in numbers
    ):
        raise InputError(f"{name}={value!r} is not a range; write (min, max), None for no bound")
    if len(numbers) == 2 and numbers[0] > numbers[1]:  # type: ignore[operator]
        raise InputError(f"{name}={value!r} is empty; write the smaller number first")
    return value


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):  # an enumeration of texts counts as its value
        return str(value)
    raise InputError(
        f"{name}={value!r} cannot be used; give a text, a number, True or False, or a range "
        "(min, max)"
    )
