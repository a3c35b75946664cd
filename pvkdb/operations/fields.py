"""Fields of requests of operations: their types, and marks for single surfaces."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_args, get_origin

from annotated_types import Le, MaxLen
from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo

Model = TypeVar("Model", bound=BaseModel)

#: Text that both databases accept: PostgreSQL stores no NUL.
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]

#: A number or a range as text: ``300`` or ``90:300``.
RangeText = Annotated[str, Field(min_length=1, max_length=60)]

#: Units by the last part of the name of a field.
UNITS = {"ev": "eV", "k": "K", "nm": "nm", "ohm": "Ω", "v": "V"} | {n: n for n in ("s", "ps", "fs")}


@dataclass(frozen=True, slots=True)
class InCommand:
    """How a command names a field; by default ``--name-of-field`` with the unit of its name.

    A name without dashes is an argument. ``value`` stands for the value in the help. With ``file``
    the command is given a file, whose text is the value.
    """

    name: str | None = None
    value: str | None = None
    file: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """The largest number, or longest list, that a service accepts; a command accepts more."""

    most: int


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


def served_model(model: type[Model]) -> type[Model]:
    """Return a request with the limits of a service on its fields (:class:`Served`)."""
    limited: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if (mark := mark_of(field, Served)) is not None:
            limited[name] = field.annotation, copy(field)
            limit = MaxLen if get_origin(field.annotation) is list else Le
            limited[name][1].metadata = [*field.metadata, limit(mark.most)]
    return create_model(model.__name__, __base__=model, **limited) if limited else model
