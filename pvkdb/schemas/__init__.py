"""Models of exported rows, calculations, rankings, screenings and answers of the service."""

import json
import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from pvkdb.errors import InputError

Model = TypeVar("Model", bound=BaseModel)

#: Characters that a database refuses or a page cannot show. Line breaks and tabs are not among
#: them: texts may have them, names may not.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
#: Most characters of a text in a request.
LONGEST_TEXT = 2_000


class StrictModel(BaseModel):
    """Base of immutable models that refuse unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RequestModel(StrictModel):
    """Base of requests: texts have one line and no control characters, numbers can be stored."""

    @field_validator("*")
    @classmethod
    def _fit_to_be_stored(cls, value: Any) -> Any:
        if reason := unfit(value, one_line=True):
            raise ValueError(reason)
        return value


def unfit(value: Any, *, one_line: bool = False) -> str | None:
    """Return why a value, or a part of it, cannot be stored or shown; None if it can."""
    if isinstance(value, str):
        if found := CONTROL.search(value) or (one_line and re.search(r"[\n\r\t]", value)):
            return f"{value[:40]!a} has the control character {found[0]!a}; remove it"
        if one_line and len(value) > LONGEST_TEXT:
            return f"it has {len(value):,} characters; at most {LONGEST_TEXT:,} are accepted"
    elif isinstance(value, int) and abs(value) >= 2**53:
        return "the number is too large"
    parts = [*value, *value.values()] if isinstance(value, Mapping) else value
    if not isinstance(parts, list | tuple):
        return None
    return next(filter(None, (unfit(part, one_line=one_line) for part in parts)), None)


def read_json(model: type[Model], content: bytes) -> Model:
    """Return a JSON text as a checked model.

    Raises:
        ValueError: it is not JSON (see :func:`parse_json`), or a value is refused; says where.
    """
    try:
        parse_json(content)
        return model.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error


def validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Return a checked model made from these values.

    Raises:
        InputError: a value is refused; the message names it.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(refusal(error)) from error


def refusal(error: ValidationError) -> str:
    """Return the first problem of a request in words, with the value that is refused."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "string_too_short" and isinstance(first["loc"][-1], int):
        return f"{first['loc'][0]}: number {first['loc'][-1] + 1} is an empty text; leave it out"
    reason = first["msg"].removeprefix("Value error, ")
    known = re.findall(r"'([^']+)'", first.get("ctx", {}).get("expected", ""))
    if near := get_close_matches(str(first["input"]), known, 1):
        reason += f"; did you mean {near[0]!r}?"
    return f"{where} = {first['input']!r}: {reason}" if where else reason


def first_problem(error: ValidationError) -> str:
    """Return the first problem of a document in words: where it is, and what is wrong."""
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "the whole"
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}"


def parse_json(content: bytes) -> Any:
    """Return the value of a JSON text (RFC 8259); Python's own parser takes more.

    Raises:
        JSONDecodeError: it is something else, or not UTF-8; it has NaN, a number beyond 1.8e308,
            the same name twice in an object, half of a surrogate pair, or hundreds of levels.
    """
    text = ""

    def refuse(reason: str, mark: str = "") -> json.JSONDecodeError:
        return json.JSONDecodeError(reason, text, max(0, text.rfind(mark)) if mark else 0)

    def number(digits: str) -> float:
        if not math.isfinite(float(digits)):
            raise refuse(f"{digits[:20]} is not a number up to 1.8e308; use null", digits)
        return int(digits) if digits.lstrip("-").isdecimal() else float(digits)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            left = iter(found)
            twice = next(name for name, _ in pairs if name != next(left, None))
            raise refuse(f"the name {twice[:60]!r} occurs twice", json.dumps(twice))
        return found

    try:
        text = content.decode("utf-8-sig")
        document = json.loads(
            text,
            object_pairs_hook=unique,
            parse_int=number,
            parse_float=number,
            parse_constant=number,
        )
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError as error:
        raise refuse("it is nested too deeply") from error
    except UnicodeError as error:
        raise refuse(f"it is not UTF-8: {error}", "\\u") from error
    return document
