"""The words of the field, their units and their signs, from ``words.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class MetricWords:
    """Words near which a quantity in ``unit`` is a metric; the file explains the rest."""

    name: str
    unit: str
    near: re.Pattern[str]
    limit: float = 80
    bonus: float = 0
    least: float = 0
    most: float = float("inf")
    alone: bool = False
    beside: bool = False
    never: re.Pattern[str] | None = None
    printed: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class ConditionWords:
    """Words that fill ``field`` where a sentence has one of the metrics ``beside``."""

    field: str
    beside: list[str]
    words: dict[str, str]

    def said(self, sentence: str) -> str:
        """Return the one word that the sentence says; '' if it says none or several."""
        said = [
            word
            for word, pattern in self.words.items()
            if re.search(rf"\b(?:{pattern})(?![a-z])", sentence, re.IGNORECASE)
        ]
        return said[0] if len(said) == 1 else ""


@cache
def words() -> dict[str, Any]:
    """Return the tables of ``words.toml``."""
    text = (resources.files(__package__) / "words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def metric_words() -> list[MetricWords]:
    """Return the words of every metric."""
    found = []
    for entry in words()["metric"]:
        patterns = {
            key: _pattern(entry[key]) for key in ("near", "never", "printed") if key in entry
        }
        found.append(MetricWords(**{**entry, **patterns}))
    return found


def _pattern(said: list[str]) -> re.Pattern[str]:
    near = "|".join(said).replace(" ", r"(?:\s|-)?")
    return re.compile(rf"\b(?:{near})s?(?![a-z])", re.IGNORECASE)


@cache
def condition_fields() -> dict[str, str]:
    """Return the field of an import by the metric that it holds."""
    fields = words()["conditions"].items()
    return {metric: field for field, metrics in fields for metric in metrics}


@cache
def condition_words() -> list[ConditionWords]:
    """Return the words of the conditions that are no numbers."""
    return [ConditionWords(**entry) for entry in words()["condition_words"]]
