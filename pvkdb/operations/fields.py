"""Fields of requests of operations: their types, and marks for single surfaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import Field
from pydantic.fields import FieldInfo

#: Text that both databases accept: PostgreSQL stores no NUL.
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]

#: A number or a range as text: ``300`` or ``90:300``.
RangeText = Annotated[str, Field(min_length=1, max_length=60)]

#: Units by the last part of the name of a field.
UNITS = {"ev": "eV", "k": "K", "nm": "nm", "ohm": "Ω", "v": "V"} | {n: n for n in ("s", "ps", "fs")}


@dataclass(frozen=True, slots=True)
class InCommand:
    """How a command names a field; by default ``--name-of-field`` with the unit of its name.

    A name without dashes is an argument. ``value`` stands for the value in the help.
    """

    name: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """The largest number that a service accepts, where a command accepts more."""

    most: float


def unit_of(name: str) -> str | None:
    """Return the unit in the name of a field: eV of ``e_a_ev``."""
    return UNITS.get(name.rpartition("_")[2])


def option_of(name: str, field: FieldInfo) -> str:
    """Return how a command names a field: ``--line-resistance``; an argument has no dashes."""
    mark = mark_of(field, InCommand)
    return (mark and mark.name) or f"--{name.replace('_', '-')}"


def kind_of(field: FieldInfo) -> Any:
    """Return the type of a field without None: ``str``, ``RangeText``."""
    kinds = get_args(field.annotation)
    return kinds[0] if type(None) in kinds else field.annotation


def plain_kind(kind: Any) -> Any:
    """Return the type of an option: a number, a flag, a list of them, or a text."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is list or parts[1:] == (...,):
        return list[plain_kind(parts[0])]  # type: ignore[misc]  # made at run time
    plain = getattr(kind, "__origin__", kind)
    if plain is dict:
        return list[str]
    return plain if plain in (bool, int, float) else str


def mark_of(field: FieldInfo, kind: type[Any]) -> Any:
    """Return the mark of a kind that a field has; None if it has none."""
    return next((each for each in field.metadata if isinstance(each, kind)), None)
