"""Models of exported rows, calculations, rankings, screenings and answers of the service."""

import json
import math
from typing import Any

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Base of immutable models that refuse unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parse_json(content: bytes | str) -> Any:
    """Return the value of a JSON text in UTF-8 (RFC 8259); Python's own parser takes more.

    Raises:
        JSONDecodeError: it is something else; it has NaN, a number beyond 1.8e308, the same name
            twice in an object, half of a surrogate pair, or is nested hundreds deep.
    """
    text = "" if isinstance(content, bytes) else content

    def refuse(reason: str, mark: str = "") -> json.JSONDecodeError:
        return json.JSONDecodeError(reason, text, max(0, text.rfind(mark)) if mark else 0)

    def number(digits: str) -> float:
        if math.isinf(float(digits)):
            raise refuse(f"the number {digits[:20]} is too large", digits)
        return int(digits) if digits.lstrip("-").isdecimal() else float(digits)

    def constant(name: str) -> None:
        raise refuse(f"{name} is not JSON; use null", name)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            left = iter(found)
            twice = next(name for name, _ in pairs if name != next(left, None))
            raise refuse(f"the name {twice[:60]!r} occurs twice", json.dumps(twice))
        return found

    try:
        if isinstance(content, bytes):
            text = content.decode("utf-8-sig")
        document = json.loads(
            text,
            object_pairs_hook=unique,
            parse_int=number,
            parse_float=number,
            parse_constant=constant,
        )
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError as error:
        raise refuse("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise refuse(f"byte {error.start + 1} is not UTF-8") from error
    except UnicodeEncodeError as error:
        raise refuse("half of a surrogate pair is not a character", "\\u") from error
    return document
