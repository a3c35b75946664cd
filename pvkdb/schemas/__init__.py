"""Models of exported rows, calculations, rankings, screenings and answers of the service."""

import json
import math
from typing import Any

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Base of immutable models that refuse unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
            raise refuse(f"{digits[:20]} is no number up to 1.8e308; use null", digits)
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
