"""TOML files read through pydantic models; each error names the file, the line and the reason."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas import StrictModel, unfit

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")
Key = str | int

_REFUSED = "refused"
#: Reasons that pydantic gives in terms of Python.
_REASONS = {
    "model_type": "write it as a table",
    "list_type": "write it as a list; a list of tables as [[key]]",
    "tuple_type": "write it as a list; a list of tables as [[key]]",
}

#: A finite number; texts and booleans are refused.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


def refused(reason: str, *at: Key) -> PydanticCustomError:
    """Return an error for a validator to raise, whose reason is a whole sentence.

    Args:
        reason: names the value, what is wrong with it, and the remedy.
        at: keys from the validated value to the wrong one.
    """
    return PydanticCustomError(_REFUSED, "{reason}", {"reason": reason, "at": at})


def check_keys(table: object, known: Collection[str], what: str = "key") -> None:
    """Raise an error if a value is not a TOML table, or has an unknown key."""
    if not isinstance(table, Mapping):
        raise refused(f"{table!r} is not a table; its keys may be: {', '.join(known)}")
    for key in table:
        if key not in known:
            raise refused(unknown_name(what, str(key), known), str(key))


def attempt(parse: Callable[..., T], *arguments: Any, at: Iterable[Key] = ()) -> T:
    """Return ``parse(*arguments)``; an InputError is raised as the error of a validator."""
    try:
        return parse(*arguments)
    except InputError as error:
        raise refused(str(error), *at) from error


def one_of(what: str, known: Collection[str]) -> Callable[[Any], Any]:
    """Return a validator that accepts the known names, and suggests the nearest for another."""

    def check(name: Any) -> Any:
        if name not in known:
            raise refused(unknown_name(what, str(name), known))
        return name

    return check


def some_of(what: str, known: Collection[str]) -> Callable[[Any], Any]:
    """Return a validator that accepts a list of at least one of the known names, each once."""

    def check_all(names: Any) -> list[Any]:
        if not isinstance(names, list) or not names:
            raise refused(f"{names!r} is not a list of some of {', '.join(known)}")
        for place, name in enumerate(names):
            if name not in known:
                raise refused(unknown_name(what, str(name), known), place)
        return list(dict.fromkeys(names))

    return check_all


class TomlTable(StrictModel):
    """A table of a TOML file; unknown keys are refused, as are fields with ``exclude=True``."""

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, table: Any) -> Any:
        if isinstance(table, Mapping):
            check_keys(
                table, [name for name, field in cls.model_fields.items() if not field.exclude]
            )
        return table


def read_text(path: Path, what: str, error: type[InputError] = InputError, hint: str = "") -> str:
    """Return the text of a file.

    Raises:
        InputError: the file cannot be read or is not UTF-8; ``hint`` is added to the message.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise error(f"{what} cannot be read: {reason}{hint}") from problem
    except UnicodeDecodeError as problem:
        raise error(f"{what} is not UTF-8 text") from problem


def parse_document(text: str, file: str, error: type[InputError] = InputError) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        InputError: the text is not TOML, or has an escaped control character.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        end = f"line {len(text.splitlines())}, where the file ends"
        reason = str(problem).replace("at end of document", end)
        raise error(f"{file} is not TOML: {reason}") from problem
    if refusal := unfit(document):
        raise error(f"{file}: {refusal}")
    return document


def read_toml(
    model: type[Model],
    text: str,
    file: str,
    error: type[InputError] = InputError,
    context: Mapping[str, Any] | None = None,
) -> Model:
    """Return a TOML text as a checked model; its validators receive the context.

    Raises:
        InputError: the text is not TOML, or a value is refused; names file, line and reason.
    """
    document = parse_document(text, file, error)
    return check_table(model, document, text, file, (), error, context)


def check_table(
    model: type[Model],
    table: object,
    text: str,
    file: str,
    at: tuple[Key, ...],
    error: type[InputError] = InputError,
    context: Mapping[str, Any] | None = None,
) -> Model:
    """Return a table of a TOML text, at a key path, as a checked model.

    Raises:
        InputError: a value is refused; names file, line and reason.
    """
    try:
        return model.model_validate(table, context=context)
    except ValidationError as problem:
        raise error(_sentence(problem, text, file, at)) from problem


def _sentence(problem: ValidationError, text: str, file: str, at: tuple[Key, ...]) -> str:
    """Return the message of a validation error, about its first problem."""
    first = problem.errors(include_url=False)[0]
    context = first.get("ctx", {})
    path = (*at, *(key for key in first["loc"] if key != "[key]"), *context.get("at", ()))
    reason = _REASONS.get(first["type"], first["msg"].removeprefix("Value error, "))
    key = ".".join(str(part) for part in path)
    if first["type"] == "missing":
        reason = f"{key} is missing"
    elif first["type"] != _REFUSED:
        reason = f"{key} = {first['input']!r}: {reason[:1].lower()}{reason[1:]}"
    line = line_of(text, path)
    where = f" line {line}" if line else ""
    return f"{file}{where}: {reason}"


def line_of(text: str, path: tuple[Key, ...]) -> int | None:
    """Return the line, from 1, of the value at a key path, or of the table that lacks it.

    The line is the first that the text can be cut behind so that tomllib finds the value. In a
    list over several lines, it is the first of them that contains the value.

    Returns:
        None where not even the first key of the path is in the text.

    Example:
        >>> line_of("[ions]\\nA = ['Cs']\\nX = ['I',\\n  'Br']", ("ions", "X", 1))
        4
    """
    path = _present(tomllib.loads(text), path)
    if not path:
        return None
    lines = text.split("\n")
    start = 0
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue  # within a value of several lines
        if _present(document, path) == path:
            break
        start = end
    value = _value(document, path)
    written = (f'"{value}"', f"'{value}'") if isinstance(value, str) else (str(value),)
    for number in range(start, end):
        if isinstance(path[-1], int) and any(word in lines[number] for word in written):
            return number + 1
    return start + 1


def _present(document: Any, path: tuple[Key, ...]) -> tuple[Key, ...]:
    """Return the part of a path that the document contains."""
    for count in range(len(path)):
        try:
            _value(document, path[: count + 1])
        except (KeyError, IndexError, TypeError):
            return path[:count]
    return path


def _value(document: Any, path: tuple[Key, ...]) -> Any:
    for key in path:
        document = document[key]
    return document
