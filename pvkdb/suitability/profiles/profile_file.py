"""Profile files: TOML, checked in full before anything is ranked; a refusal names the line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, cast

from pvkdb.errors import InputError, NotFoundError, unknown_name
from pvkdb.schemas.metrics import METRICS, Metric, impossible, metrics_of, possible
from pvkdb.schemas.profiles import (
    BASES,
    SUBJECTS,
    Ask,
    Basis,
    Bounds,
    Criterion,
    Profile,
    Reading,
    Scale,
    Subject,
)
from pvkdb.suitability.profiles.toml_lines import Path as Place
from pvkdb.suitability.profiles.toml_lines import line_of

_LIMITS = ("at_least", "at_most", "fails_below", "fails_above")
_READING = ("name", *_LIMITS, "accepts", "source", "quoted", "note")
_CRITERION = (
    *("metric", *_LIMITS, "accepts", "scale", "graded", "weight"),
    *("basis", "source", "quoted", "note", "readings"),
)


class ProfileError(InputError):
    """A profile that cannot be used; the message names file, line and reason."""


def shipped_profiles() -> list[str]:
    """Names of the profiles that come with pvkdb."""
    folder = resources.files("pvkdb.suitability") / "profiles"
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def shipped_profile(name: str) -> Profile:
    """A profile that comes with pvkdb.

    Raises:
        NotFoundError: there is none of that name; names those that there are.
    """
    known = shipped_profiles()
    if name not in known:
        raise NotFoundError(unknown_name("application", name, known))
    path = resources.files("pvkdb.suitability") / "profiles" / f"{name}.toml"
    return parse_profile(path.read_text(encoding="utf-8"), f"{name}.toml")


def read_profile(path: Path) -> Profile:
    """The profile in a file.

    Raises:
        ProfileError: the file cannot be read, or something in it cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path} is not UTF-8 text") from error
    return parse_profile(text, path.name)


def parse_profile(text: str, file: str = "profile.toml") -> Profile:
    """The profile that a TOML text states; its name is that of the file.

    Raises:
        ProfileError: it is not TOML, a metric is unknown, bounds contradict each other or what
            the metric can be, weights are negative or sum to zero, or a source is missing.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        end = f"line {len(text.splitlines())}, where the file ends"
        said = str(error).replace("at end of document", end)
        raise ProfileError(f"{file} is not TOML: {said}") from error
    return _Reader(text, file, document).profile()


class _Reader:
    """Checks one document; every refusal names the line."""

    def __init__(self, text: str, file: str, document: dict[str, Any]) -> None:
        self._text = text
        self._file = file
        self._document = document

    def profile(self) -> Profile:
        self._only(self._document, ("title", "summary", *SUBJECTS, "not_judged"), ())
        criteria = {subject: self._criteria(subject) for subject in SUBJECTS}
        if not any(criteria.values()):
            self._refuse("asks for nothing; add [[devices]] or [[materials]]", ())
        name = self._file.removesuffix(".toml")
        return Profile(
            name=name,
            title=self._text_of(self._document, "title", (), name.replace("-", " ")),
            summary=self._text_of(self._document, "summary", (), ""),
            devices=criteria["devices"],
            materials=criteria["materials"],
            not_judged=tuple(self._asks()),
        )

    def _criteria(self, subject: Subject) -> tuple[Criterion, ...]:
        found = [
            self._criterion(subject, table, ((subject, place),))
            for place, table in enumerate(self._tables(subject))
        ]
        seen: set[str] = set()
        for place, criterion in enumerate(found):
            if criterion.metric in seen:
                self._refuse(
                    f"{criterion.metric} is asked for twice; give one criterion both bounds",
                    ((subject, place),),
                    "metric",
                )
            seen.add(criterion.metric)
        if found and sum(criterion.weight for criterion in found) == 0:
            self._refuse(
                f"the weights of [[{subject}]] sum to zero; give one of them a weight",
                ((subject, 0),),
                "weight",
            )
        return tuple(found)

    def _criterion(self, subject: Subject, table: Mapping[str, Any], at: Place) -> Criterion:
        self._only(table, _CRITERION, at)
        metric = self._metric(subject, table, at)
        scale = table.get("scale", metric.scale)
        if scale not in ("linear", "log"):
            known = unknown_name("scale", str(scale), ("linear", "log"))
            self._refuse(f"{metric.name}: {known}", at, "scale")
        weight = table.get("weight", 1)
        if not _is_number(weight) or weight < 0:
            self._refuse(f"{metric.name}: weight {weight!r} is no number from 0", at, "weight")
        graded = table.get("graded", False)
        if not isinstance(graded, bool):
            self._refuse(f"{metric.name}: graded must be true or false", at, "graded")
        basis = table.get("basis", "printed")
        if basis not in BASES:
            self._refuse(f"{metric.name}: {unknown_name('basis', str(basis), BASES)}", at, "basis")
        return Criterion(
            metric=metric.name,
            unit=metric.unit,
            bounds=self._bounds(metric, table, at, scale),
            scale=cast("Scale", scale),
            graded=graded,
            weight=float(weight),
            basis=cast("Basis", basis),
            source=self._source(metric, table, at),
            quoted=self._optional(table, "quoted", at),
            note=self._optional(table, "note", at),
            readings=tuple(self._readings(metric, table, at, scale)),
        )

    def _metric(self, subject: Subject, table: Mapping[str, Any], at: Place) -> Metric:
        name = table.get("metric")
        if not isinstance(name, str):
            self._refuse(f"[[{subject}]] needs a metric", at)
        known = list(metrics_of(subject))
        if name not in known:
            self._refuse(unknown_name(f"metric of {subject}", name, known), at, "metric")
        return METRICS[name]

    def _bounds(self, metric: Metric, table: Mapping[str, Any], at: Place, scale: str) -> Bounds:
        accepts = table.get("accepts", [])
        if not isinstance(accepts, list):
            self._refuse(f"{metric.name}: accepts must be a list of words", at, "accepts")
        limits = {key: table[key] for key in _LIMITS if key in table}
        if metric.words:
            if limits or not accepts:
                self._refuse(
                    f"{metric.name} is a word; give accepts, a list of some of "
                    f"{', '.join(metric.words)}",
                    at,
                    next(iter(limits), None),
                )
            for word in accepts:
                if word not in metric.words:
                    self._refuse(
                        f"{metric.name}: {unknown_name('word', str(word), metric.words)}",
                        at,
                        "accepts",
                    )
            return Bounds(accepts=tuple(accepts))
        if accepts:
            self._refuse(f"{metric.name} is a number; accepts is for words", at, "accepts")
        for key, value in limits.items():
            self._number(metric, key, value, at, scale)
        bounds = Bounds(**limits)
        self._consistent(metric, bounds, at)
        return bounds

    def _number(self, metric: Metric, key: str, value: object, at: Place, scale: str) -> None:
        if not _is_number(value):
            self._refuse(f"{metric.name}: {key} {value!r} is no number", at, key)
        number = float(cast("float", value))
        if not possible(metric, number):
            self._refuse(f"{key}: {impossible(metric, number)}", at, key)
        if scale == "log" and number <= 0:
            self._refuse(
                f"{metric.name}: {key} {number:g} has no place on a log scale; "
                'use scale = "linear"',
                at,
                key,
            )

    def _consistent(self, metric: Metric, bounds: Bounds, at: Place) -> None:
        if bounds.at_least is None and bounds.at_most is None:
            self._refuse(f"{metric.name} needs at_least, at_most, or both", at)
        for low, high in (
            ("at_least", "at_most"),
            ("fails_below", "at_least"),
            ("at_most", "fails_above"),
        ):
            first, second = getattr(bounds, low), getattr(bounds, high)
            if first is not None and second is not None and first > second:
                self._refuse(
                    f"{metric.name}: the bounds contradict each other: {low} {first:g} is above "
                    f"{high} {second:g}",
                    at,
                    low,
                )
        for edge, limit in (("fails_below", "at_least"), ("fails_above", "at_most")):
            if getattr(bounds, edge) is not None and getattr(bounds, limit) is None:
                self._refuse(f"{metric.name}: {edge} needs {limit} beside it", at, edge)

    def _readings(
        self, metric: Metric, table: Mapping[str, Any], at: Place, scale: str
    ) -> list[Reading]:
        listed = table.get("readings", [])
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            self._refuse(f"{metric.name}: readings must be tables", at, "readings")
        found = []
        for place, entry in enumerate(listed):
            here = (*at, ("readings", place))
            self._only(entry, _READING, here)
            name = self._text_of(entry, "name", here)
            found.append(
                Reading(
                    name=name,
                    bounds=self._bounds(metric, entry, here, scale),
                    source=self._source(metric, entry, here),
                    quoted=self._optional(entry, "quoted", here),
                    note=self._optional(entry, "note", here),
                )
            )
        return found

    def _asks(self) -> list[Ask]:
        found = []
        for place, table in enumerate(self._tables("not_judged")):
            at = (("not_judged", place),)
            self._only(table, ("asks", "source"), at)
            found.append(
                Ask(
                    asks=self._text_of(table, "asks", at), source=self._text_of(table, "source", at)
                )
            )
        return found

    def _source(self, metric: Metric, table: Mapping[str, Any], at: Place) -> str:
        source = table.get("source")
        if not isinstance(source, str) or not source.strip():
            self._refuse(
                f"{metric.name} has no source; say where its bounds come from: a place in the "
                "review, or a publication",
                at,
            )
        return source

    def _tables(self, key: str) -> list[dict[str, Any]]:
        tables = self._document.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._refuse(f"{key} must be tables: [[{key}]]", (), key)
        return tables

    def _text_of(
        self, table: Mapping[str, Any], key: str, at: Place, default: str | None = None
    ) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            self._refuse(f"{key} must be a text", at, key)
        return " ".join(value.split())

    def _optional(self, table: Mapping[str, Any], key: str, at: Place) -> str | None:
        return self._text_of(table, key, at) if key in table else None

    def _only(self, table: Mapping[str, Any], known: tuple[str, ...], at: Place) -> None:
        for key in table:
            if key not in known:
                self._refuse(unknown_name("key", key, known), at, key)

    def _refuse(self, reason: str, at: Place, key: str | None = None) -> NoReturn:
        line = line_of(self._text, at, key)
        where = f" line {line}" if line else ""
        raise ProfileError(f"{self._file}{where}: {reason}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
