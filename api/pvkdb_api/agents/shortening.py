"""Answers of tools in as few characters as hold what a language model needs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

#: Most characters of an answer, and of an error.
MOST_CHARACTERS, LONGEST_ERROR = 120_000, 2_000
#: Characters of an answer whose size the caller has not chosen: 2,000 tokens of 3 characters.
SHORT = 6_000


def as_text(answer: Mapping[str, Any]) -> str:
    """Return an answer as JSON."""
    return json.dumps(answer, ensure_ascii=False)


def lists(value: Any, most: int, place: str, left_out: dict[str, int]) -> Any:
    """Return a document with at most so many elements of each outer list; count the others."""
    if isinstance(value, dict):
        return {
            name: lists(each, most, f"{place}.{name}".lstrip("."), left_out)
            for name, each in value.items()
        }
    if isinstance(value, list) and len(value) > most:
        left_out[place] = len(value) - most
        return value[:most]
    return value


def candidate(given: dict[str, Any]) -> dict[str, Any]:
    """Return a candidate with the verdicts of its criteria in place of the evidence."""
    long = ("criteria", "also_known", "under_readings")
    verdicts = {each["metric"]: each["verdict"] for each in given.get("criteria", ())}
    return {name: value for name, value in given.items() if name not in long} | {
        "verdicts": verdicts
    }


def known(value: Any) -> Any:
    """Return a document without fields that are not known."""
    if isinstance(value, dict):
        return {name: known(each) for name, each in value.items() if each not in (None, "", [])}
    return [known(each) for each in value] if isinstance(value, list) else value


def cited_keys(value: Any) -> Iterator[str]:
    """Yield the keys in all fields ``references`` of a document."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "references" and isinstance(each, str):
                yield from each.split()
            yield from cited_keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from cited_keys(each)
