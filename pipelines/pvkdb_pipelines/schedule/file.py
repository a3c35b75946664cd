"""Schedule files: TOML that names plans, their times, their engines and the address to notify."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from pvkdb.errors import InputError
from pvkdb.schemas.toml_files import TomlTable, attempt, one_of, read_text, read_toml, refused
from pvkdb_pipelines.engines.engine import ENGINES
from pvkdb_pipelines.screening.plan.plan import read_plan, shipped_plans
from pvkdb_pipelines.screening.recorded import plan_name

_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True)
class Cron:
    """A checked cron expression in a time zone. Times are given and returned in UTC.

    Raises:
        InputError: it is not an expression as of crontab(5), or its time never comes.
    """

    text: str
    zone: ZoneInfo

    def __post_init__(self) -> None:
        self.next_after(datetime.now(UTC))

    def next_after(self, at: datetime) -> datetime:
        """Return the first fire time after a moment."""
        return next(self._times(at))

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last fire time later than ``after`` and no later than ``until``, or None."""
        found = next(self._times(until + timedelta(microseconds=1), reverse=True))
        return found if found > after else None

    def _times(self, at: datetime, reverse: bool = False) -> Iterator[datetime]:
        from cronsim import CronSim, CronSimError

        expression = _SHORT.get(self.text.strip(), self.text)
        if len(expression.split()) != 5:
            raise InputError(
                f"cron = {self.text!r}: an expression has five fields, minute hour day month "
                f"weekday, e.g. '0 3 * * 1' for Mondays at 3; or is one of "
                f"{', '.join(sorted(_SHORT))}"
            )
        try:
            times = CronSim(expression, at.astimezone(self.zone), reverse=reverse)
        except CronSimError as error:
            reason = str(error).lower()
            raise InputError(
                f"cron = {self.text!r}: {reason}; the fields are minute hour day month weekday, "
                "as of crontab(5)"
            ) from error
        return (time.astimezone(UTC) for time in times)


class _Settings(TomlTable):
    """Keys of an entry that may be at the top of the file, for all entries."""

    model_config = ConfigDict(strict=True)

    timezone: str = "UTC"
    engine: Annotated[str, BeforeValidator(one_of("engine", ENGINES))] = ENGINES[0]
    config: str | None = None
    processes: int | None = Field(default=None, ge=1)
    webhook: str | None = None

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise refused(
                f"timezone = {name!r} is not a time zone; write e.g. Europe/Berlin or UTC"
            ) from None
        return name

    @field_validator("webhook")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None and not re.match(r"https?://[^/\s]", address):
            raise refused("webhook must be an address that begins with http:// or https://")
        return address


class ScheduledPlan(_Settings):
    """A plan and its times. ``name`` is the name of its runs; paths are absolute."""

    plan: str
    cron: str
    name: str = Field(default="", min_length=1)
    retry: bool = False

    @property
    def times(self) -> Cron:
        """The times at which the plan runs, as a cron expression in a time zone."""
        return Cron(self.cron, ZoneInfo(self.timezone))

    @property
    def expression(self) -> str:
        """Cron expression and time zone as text; a plan for which it changed is scheduled anew."""
        return f"{self.cron} {self.timezone}"

    @model_validator(mode="after")
    def _fits(self) -> ScheduledPlan:
        attempt(lambda: self.times, at=("cron",))
        if (self.engine == "parsl") == (self.config is None):
            raise refused(
                "engine = 'parsl' and config, the file of its cluster, belong together; give both "
                "or none",
                "engine",
            )
        return self


class _Schedule(_Settings):
    screen: list[ScheduledPlan] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _pass_settings_on(cls, document: dict[str, Any]) -> dict[str, Any]:
        tables = document.get("screen")
        if not isinstance(tables, list):
            return document
        common = {key: document[key] for key in _Settings.model_fields if key in document}
        merged = [{**common, **t} if isinstance(t, Mapping) else t for t in tables]
        return {**document, "screen": merged}

    @model_validator(mode="after")
    def _has_plans(self) -> _Schedule:
        if not self.screen:
            raise refused("[[screen]] is missing; add one with a plan and its cron expression")
        return self


def read_schedule(path: Path) -> list[ScheduledPlan]:
    """Return the entries of a file, checked with their plans, engines and time zones.

    Raises:
        InputError: the file cannot be read, or a value is refused; names the line.
        PlanError: one of its plans cannot be carried out.
    """
    text = read_text(path, f"schedule {path}", hint="; docs/schedule.md shows one")
    entries = parse_schedule(text, path.name, path.resolve().parent)
    for entry in entries:
        read_plan(entry.plan)
    return entries


def parse_schedule(text: str, file: str, folder: Path) -> list[ScheduledPlan]:
    """Return the entries of a text; relative paths begin at ``folder``.

    Raises:
        InputError: a value is refused, or two entries have the same name.
    """
    entries = [_located(entry, folder) for entry in read_toml(_Schedule, text, file).screen]
    for name, count in Counter(entry.name for entry in entries).items():
        if count > 1:
            raise InputError(
                f"{file}: {count} entries have the name {name!r}, which identifies their runs; "
                "give each its own name: name = …"
            )
    return entries


def _located(entry: ScheduledPlan, folder: Path) -> ScheduledPlan:
    """Return an entry of the file, with its name filled in and its paths absolute."""
    shipped = entry.plan in shipped_plans()
    changes = {
        "name": entry.name or plan_name(entry.plan),
        "plan": entry.plan if shipped else str(folder / entry.plan),
        "config": None if entry.config is None else str(folder / entry.config),
    }
    return entry.model_copy(update=changes)
