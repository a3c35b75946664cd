"""Cron expressions, as crontab(5) means them, with APScheduler's arithmetic of calendars.

APScheduler counts weekdays from Monday and wants day and weekday both to match; cron counts from
Sunday and, where both are given, takes either. What is written in a schedule is cron.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pvkdb.errors import InputError

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cron:
    """A checked expression in a time zone. Times go in and come out as UTC.

    Raises:
        InputError: it is no expression, or its time never comes.
    """

    text: str
    zone: ZoneInfo
    trigger: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trigger", _trigger(self.text, self.zone))
        if self.next_after(datetime.now(UTC)) is None:
            raise InputError(f"cron = {self.text!r}: this time never comes")

    def next_after(self, at: datetime) -> datetime | None:
        """The first fire time after a moment."""
        local = (at + _TICK).astimezone(self.zone)
        found: datetime | None = self.trigger.get_next_fire_time(None, local)
        return None if found is None else found.astimezone(UTC)

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """The last fire time behind ``after`` and not behind ``until``; None if there is none."""
        span = timedelta(minutes=1)
        while (found := self._first(max(after, until - span), until)) is None:
            if until - span <= after:
                return None
            span *= 2
        while (following := self._first(found, until)) is not None:
            found = following
        return found

    def _first(self, after: datetime, until: datetime) -> datetime | None:
        found = self.next_after(after)
        return found if found is not None and found <= until else None


def _trigger(text: str, zone: ZoneInfo) -> Any:
    from apscheduler.triggers.combining import OrTrigger
    from apscheduler.triggers.cron import CronTrigger

    words = _SHORT.get(text.strip(), text).split()
    if len(words) != 5:
        raise InputError(
            f"cron = {text!r}: an expression has five fields, minute hour day month weekday, e.g. "
            f"'0 3 * * 1' for Mondays at 3; or is one of {', '.join(sorted(_SHORT))}"
        )
    minute, hour, day, month, weekday = words
    common = {"minute": minute, "hour": hour, "month": month.lower(), "timezone": zone}
    try:
        named = _weekdays(weekday)
        if day.startswith("*") or weekday.startswith("*"):
            return CronTrigger(day=day, day_of_week=named, **common)
        return OrTrigger([CronTrigger(day=day, **common), CronTrigger(day_of_week=named, **common)])
    except ValueError as error:
        raise InputError(f"cron = {text!r}: {error}") from error


def _weekdays(text: str) -> str:
    """A field of weekdays by their names: ``1-5`` is ``mon,tue,wed,thu,fri``; 0 and 7 Sunday."""
    if text == "*":
        return text
    chosen: set[int] = set()
    for part in text.lower().split(","):
        span, slash, step = part.partition("/")
        first, dash, last = ("0", "-", "6") if span == "*" else span.partition("-")
        start = _weekday(first, text)
        end = _weekday(last, text) if dash else 6 if slash else start
        stride = int(step) if step.isdigit() else 0
        if (slash and stride < 1) or end < start:
            raise ValueError(f"{part!r} is no range of weekdays")
        chosen.update(number % 7 for number in range(start, end + 1, stride or 1))
    return ",".join(_WEEKDAYS[number] for number in sorted(chosen))


def _weekday(word: str, text: str) -> int:
    if word in _WEEKDAYS:
        return _WEEKDAYS.index(word)
    if word.isdigit() and int(word) <= 7:
        return int(word)
    raise ValueError(f"{word!r} in {text!r} is no weekday: 0 to 7, or sun to sat")
