"""Profile files: TOML, checked in full before anything is ranked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pvkdb.errors import InputError, NotFoundError, unknown_name
from pvkdb.schemas.metrics import METRICS, Metric, impossible, metrics_of, possible
from pvkdb.schemas.profiles import (
    BASES,
    Ask,
    Bounds,
    Criterion,
    Profile,
    Reading,
    Scale,
    Subject,
    weight_problem,
)
from pvkdb.schemas.toml_files import Number, TomlTable, one_of, read_text, read_toml, refused

_LIMITS = ("at_least", "at_most", "fails_below", "fails_above")
_IN_BOUNDS = {*_LIMITS, "accepts", "extrapolation"}
_FOLDER = resources.files("pvkdb.suitability") / "profiles"

#: A text with its line breaks and runs of spaces as single spaces.
Line = Annotated[str, AfterValidator(lambda text: " ".join(text.split()))]


class ProfileError(InputError):
    """A profile that cannot be used; the message names file, line and reason."""


class _LimitsTable(TomlTable):
    """Keys that a criterion and another reading of it share."""

    at_least: Number | None = None
    at_most: Number | None = None
    fails_below: Number | None = None
    fails_above: Number | None = None
    accepts: tuple[Any, ...] = ()
    extrapolation: bool = Field(default=False, strict=True)
    source: str = ""
    quoted: Line | None = None
    note: Line | None = None

    @property
    def limits(self) -> dict[str, float]:
        """The limits that the table gives, by name."""
        return {key: value for key in _LIMITS if (value := getattr(self, key)) is not None}


class _ReadingTable(_LimitsTable):
    name: Line


class _CriterionTable(_LimitsTable):
    metric: str
    scale: Annotated[str, BeforeValidator(one_of("scale", ("linear", "log")))] | None = None
    graded: bool = Field(default=False, strict=True)
    weight: Number = 1.0
    from_papers: Annotated[int, Field(ge=0, strict=True)] = 0
    basis: Annotated[str, BeforeValidator(one_of("basis", BASES))] = "printed"
    readings: tuple[_ReadingTable, ...] = ()

    @field_validator("weight")
    @classmethod
    def _weighs(cls, weight: float) -> float:
        if reason := weight_problem(weight):
            raise refused(f"weight = {reason}")
        return weight


def _shipped(name: str) -> str:
    if name not in shipped_profiles():
        raise ValueError(unknown_name("application", name, shipped_profiles()))
    return name


class _AskTable(TomlTable):
    asks: Line
    source: Line


class _ProfileTable(TomlTable):
    title: Line | None = None
    summary: Line = ""
    materials_of: Annotated[str, AfterValidator(_shipped)] | None = None
    devices: tuple[_CriterionTable, ...] = ()
    materials: tuple[_CriterionTable, ...] = ()
    not_judged: tuple[_AskTable, ...] = ()

    @field_validator("devices", "materials")
    @classmethod
    def _fit_their_metrics(
        cls, tables: tuple[_CriterionTable, ...], info: ValidationInfo
    ) -> tuple[_CriterionTable, ...]:
        subject = cast("Subject", info.field_name)
        seen: set[str] = set()
        for place, table in enumerate(tables):
            _check_criterion(subject, table, place)
            if table.metric in seen:
                raise refused(
                    f"{table.metric} has two criteria; give one criterion both bounds",
                    place,
                    "metric",
                )
            seen.add(table.metric)
        shared = subject == "materials" and info.data.get("materials_of")
        if tables and not shared and sum(table.weight for table in tables) == 0:
            raise refused(
                f"the weights of [[{subject}]] sum to zero; give one of them a weight", 0, "weight"
            )
        return tables

    @model_validator(mode="after")
    def _has_criteria(self) -> _ProfileTable:
        if not (self.devices or self.materials or self.materials_of):
            raise refused("the profile has no criteria; add [[devices]] or [[materials]]")
        return self


def shipped_profiles() -> list[str]:
    """Return the names of the profiles that come with pvkdb."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


@cache
def shipped_profile(name: str) -> Profile:
    """Return a profile that comes with pvkdb; a file is read once.

    Raises:
        NotFoundError: the name is unknown; lists the known ones.
    """
    known = shipped_profiles()
    if name not in known:
        raise NotFoundError(unknown_name("application", name, known))
    return parse_profile((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")


def read_profile(path: Path) -> Profile:
    """Return the profile in a file.

    Raises:
        ProfileError: the file cannot be read, or something in it cannot be used.
    """
    return parse_profile(read_text(path, str(path), ProfileError), path.name)


def parse_profile(text: str, file: str = "profile.toml") -> Profile:
    """Return the profile that a TOML text describes; it is named after the file.

    Raises:
        ProfileError: it is not TOML, a metric is unknown, bounds contradict each other or what
            the metric can be, weights are negative or sum to zero, or a source is missing.
    """
    table = read_toml(_ProfileTable, text, file, ProfileError)
    name = file.removesuffix(".toml")
    return Profile(
        name=name,
        title=name.replace("-", " ") if table.title is None else table.title,
        summary=table.summary,
        devices=tuple(map(_criterion, table.devices)),
        materials=_with_shared(table),
        not_judged=tuple(Ask(asks=ask.asks, source=ask.source) for ask in table.not_judged),
    )


def _with_shared(table: _ProfileTable) -> tuple[Criterion, ...]:
    """Return the criteria on materials: those of another profile, but predictions, and its own."""
    shared = shipped_profile(table.materials_of).materials if table.materials_of else ()
    found = {each.metric: each for each in shared if not METRICS[each.metric].modelled}
    return tuple((found | {each.metric: _criterion(each) for each in table.materials}).values())


def _criterion(table: _CriterionTable) -> Criterion:
    metric = METRICS[table.metric]
    readings = tuple(
        Reading(**each.model_dump(exclude=_IN_BOUNDS), bounds=_bounds(each))
        for each in table.readings
    )
    given = table.model_dump(exclude={*_IN_BOUNDS, "scale", "readings"})
    scale = cast("Scale", table.scale or metric.scale)
    bounds = _bounds(table)
    return Criterion(**given, unit=metric.unit, bounds=bounds, scale=scale, readings=readings)


def _bounds(table: _LimitsTable) -> Bounds:
    return Bounds(accepts=table.accepts, extrapolation=table.extrapolation, **table.limits)


def _check_criterion(subject: Subject, table: _CriterionTable, place: int) -> None:
    """Raise an error if a criterion does not fit its metric."""
    known = list(metrics_of(subject))
    if table.metric not in known:
        reason = unknown_name(f"metric of {subject}", table.metric, known)
        raise refused(reason, place, "metric")
    metric = METRICS[table.metric]
    scale = table.scale or metric.scale
    for key, reason in _problems(metric, table, scale):
        raise refused(reason, place, key)
    for index, reading in enumerate(table.readings):
        for key, reason in _problems(metric, reading, scale):
            raise refused(reason, place, "readings", index, key)


def _problems(metric: Metric, table: _LimitsTable, scale: str) -> Iterator[tuple[str, str]]:
    """Yield the key and the reason of each problem of a criterion or a reading."""
    name, limits = metric.name, table.limits
    if metric.words:
        if limits or not table.accepts:
            reason = f"{name} is a word; give accepts, a list of some of {', '.join(metric.words)}"
            yield next(iter(limits), "accepts"), reason
        for word in table.accepts:
            if word not in metric.words:
                yield "accepts", f"{name}: {unknown_name('word', str(word), metric.words)}"
    elif table.accepts:
        yield "accepts", f"{name} is a number; accepts is for words"
    else:
        yield from _limit_problems(metric, limits, scale)
    if not table.source.strip():
        whence = "add where its bounds come from: a place in the review, or a publication"
        yield "source", f"{name} has no source; {whence}"


def _limit_problems(
    metric: Metric, limits: dict[str, float], scale: str
) -> Iterator[tuple[str, str]]:
    name = metric.name
    for key, value in limits.items():
        if not possible(metric, value):
            yield key, f"{key}: {impossible(metric, value)}"
        if scale == "log" and value <= 0:
            reason = f"{name}: {key} {value:g} has no place on a log scale"
            yield key, f'{reason}; use scale = "linear"'
    if "at_least" not in limits and "at_most" not in limits:
        yield "at_least", f"{name} needs at_least, at_most, or both"
    for low, high in (
        ("at_least", "at_most"),
        ("fails_below", "at_least"),
        ("at_most", "fails_above"),
    ):
        if low in limits and high in limits and limits[low] > limits[high]:
            reason = f"{low} {limits[low]:g} is above {high} {limits[high]:g}"
            yield low, f"{name}: the bounds contradict each other: {reason}"
    for edge, limit in (("fails_below", "at_least"), ("fails_above", "at_most")):
        if edge in limits and limit not in limits:
            yield edge, f"{name}: {edge} needs {limit} beside it"
