"""The layer that ions cross and how it is driven: what is given, and what is assumed instead."""

from __future__ import annotations

from pvkdb.chemistry import Interval
from pvkdb.errors import InputError
from pvkdb.kinetics.defaults import LAYER_DEFAULTS
from pvkdb.kinetics.domains import DOMAINS
from pvkdb.kinetics.estimate import Conditions


def layer(
    thickness_m: Interval | None = None,
    bias_v: Interval | None = None,
    temperature_k: Interval | None = None,
    write_time_s: Interval | None = None,
) -> Conditions:
    """A layer of which every number is known: given, or a default with its source.

    Raises:
        InputError: a number is out of its range.
    """
    given = {"thickness_m": thickness_m, "bias_v": bias_v, "write_time_s": write_time_s}
    for name, value in (*given.items(), ("temperature_k", temperature_k)):
        _check("switching_time_s" if name == "write_time_s" else name, value)
    missing = {name for name, value in given.items() if value is None}
    return Conditions(
        temperature_k=temperature_k,
        defaulted=frozenset(missing),
        sources={name: LAYER_DEFAULTS[name].source for name in missing},
        **{name: value or LAYER_DEFAULTS[name].value for name, value in given.items()},
    )


def parse_range(text: str, name: str, unit: str, scale: float = 1.0) -> Interval:
    """A number or a range as one writes it: ``0.3`` or ``0.3:0.5``, times a scale.

    Args:
        text: what was written.
        name: how the one who wrote it calls it, for the message.
        unit: of what was written, for the message.
        scale: from that unit to the one wanted (1e-9 for nm to m).

    Raises:
        InputError: it is no number, or the first one is above the second.

    Example:
        >>> str(parse_range("90:300", "--thickness-nm", "nm", 1e-9))
        '9e-08–3e-07'
    """
    ends = text.split(":")
    try:
        numbers = [float(end) for end in ends]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 2 or not all(abs(number) < float("inf") for number in numbers):
        raise InputError(
            f"{name}: {text!r} is neither a number nor a range; write for example 0.3 or 0.3:0.5, "
            f"in {unit}"
        )
    low, high = numbers[0], numbers[-1]
    if low > high:
        raise InputError(f"{name}: {text!r} runs backwards; write {high:g}:{low:g}")
    return Interval(low * scale, high * scale)


def _check(name: str, value: Interval | None) -> None:
    domain = DOMAINS[name]
    for end in () if value is None else (value.minimum, value.maximum):
        if end is not None and (end < domain.minimum or (domain.open and end == domain.minimum)):
            raise InputError(f"{domain.meaning} {name} = {end:g} is out of range; give {domain}")
