"""The conditions of an estimate: the layer, its bias, the walk; and defaults with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pvkdb.chemistry import Interval
from pvkdb.errors import InputError, naming
from pvkdb.kinetics.hopping import checked
from pvkdb.operations.fields import unit_of
from pvkdb.schemas.kinetics import LayerRequest


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of an estimate: layer, bias and temperature; a default replaces None.

    ``thickness_m`` in m, ``bias_v`` across it in V (the sign does not matter), ``temperature_k`` in
    K. ``vacancy_formation_ev`` adds the share of vacant sites and the diffusion of the ions,
    ``write_time_s`` the voltage that switches in that time. ``defaulted`` names
    the values that are defaults of pvkdb (see ``layer``).
    """

    thickness_m: Interval
    bias_v: Interval | None = None
    temperature_k: Interval | None = None
    attempt_frequency_hz: Interval | None = None
    jump_length_m: Interval | None = None
    equivalent_jumps: Interval | None = None
    dimensions: Interval | None = None
    vacancy_formation_ev: Interval | None = None
    write_time_s: Interval | None = None
    defaulted: frozenset[str] = frozenset()
    sources: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Default:
    """A default value with its unit and source."""

    value: Interval
    unit: str
    source: str


#: The default temperature in K.
ROOM_TEMPERATURE_K = 298.15

#: Defaults of the walk, by argument name.
DEFAULTS: Mapping[str, Default] = {
    "attempt_frequency_hz": Default(
        Interval(1e12, 1e13),
        "Hz",
        "frequencies of the inorganic cage of MAPbI3, a few THz: Brivio 2015, doi "
        "10.1103/PhysRevB.92.144308; the order that Vineyard 1957, doi "
        "10.1016/0022-3697(57)90059-8, gives an attempt frequency",
    ),
    "jump_length_m": Default(
        Interval.exactly(6.3285e-10 / 2**0.5),
        "m",
        "octahedron edge a/√2 of cubic MAPbI3, a = 6.3285 Å: Poglitsch 1987, doi 10.1063/1.453467",
    ),
    "equivalent_jumps": Default(
        Interval.exactly(8),
        "1",
        "geometry: every X site of a cubic ABX3 has 8 nearest X sites, along octahedron edges",
    ),
    "dimensions": Default(
        Interval.exactly(3), "1", "geometry: octahedra share corners in three dimensions"
    ),
    "temperature_k": Default(Interval.exactly(ROOM_TEMPERATURE_K), "K", "room temperature"),
}

#: Defaults of the layer, its bias and the write pulse: what the review prints of memristors.
LAYER_DEFAULTS: Mapping[str, Default] = {
    "thickness_m": Default(
        Interval(6e-8, 1e-6),
        "m",
        "span of the layers of perovskite memristors that the review prints: 60 nm (section "
        "5.1.1) to ~1 μm (section 3.2.2.2)",
    ),
    "bias_v": Default(
        Interval(0.17, 4.8),
        "V",
        "span of the SET voltages of Table 4 of the review, in magnitude: rows 5 and 6",
    ),
    "write_time_s": Default(
        Interval(1e-4, 2e-3),
        "s",
        "widths of electrical pulses that the review prints: 100 μs (section 5.1.3) and 2 ms "
        "(section 6.1.2)",
    ),
}


def layer(
    thickness_m: Interval | None = None,
    bias_v: Interval | None = None,
    temperature_k: Interval | None = None,
    write_time_s: Interval | None = None,
) -> Conditions:
    """Return the conditions of a layer, with defaults for thickness, bias and write time.

    Raises:
        InputError: a number is out of its range.
    """
    given = {"thickness_m": thickness_m, "bias_v": bias_v, "write_time_s": write_time_s}
    for name, value in (*given.items(), ("temperature_k", temperature_k)):
        for end in () if value is None else (value.minimum, value.maximum):
            if end is not None:
                checked(name, end)
    missing = {name for name, value in given.items() if value is None}
    return Conditions(
        temperature_k=temperature_k,
        defaulted=frozenset(missing),
        sources={name: LAYER_DEFAULTS[name].source for name in missing},
        **{name: value or LAYER_DEFAULTS[name].value for name, value in given.items()},
    )


#: What the fields of a layer are in an estimate, and their factors to SI units.
_FIELDS = {
    "thickness_nm": ("thickness_m", 1e-9),
    "bias_v": ("bias_v", 1.0),
    "temperature_k": ("temperature_k", 1.0),
    "write_time_s": ("write_time_s", 1.0),
}


def conditions_of(request: LayerRequest) -> Conditions:
    """Return the conditions of a layer from the texts of a request; see :func:`layer`.

    Raises:
        ParameterError: a text is not a number or a range, or is out of its range.
    """
    found: dict[str, Interval] = {}
    for name, (argument, scale) in _FIELDS.items():
        if (text := getattr(request, name)) is not None:
            with naming(name):
                found[argument] = parse_range(text, name, str(unit_of(name)), scale)
                layer(**found)
    return layer(**found)


def parse_range(text: str, name: str, unit: str, scale: float = 1.0) -> Interval:
    """Return a number or a range from text, ``0.3`` or ``0.3:0.5``, times a scale.

    ``name`` is its name for the user and ``unit`` its unit, for messages.

    Raises:
        InputError: it is not a number, or the first one is above the second.

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
