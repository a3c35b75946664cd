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
        near = "|".join(entry["near"]).replace(" ", r"(?:\s|-)?")
        pattern = re.compile(rf"\b(?:{near})(?![a-z])", re.IGNORECASE)
        found.append(MetricWords(**{**entry, "near": pattern}))
    return found
