"""Schedule files: TOML that says which plan runs when, where, and who hears of it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pvkdb.errors import InputError, unknown_name
from pvkdb_pipelines.engines.engine import ENGINES
from pvkdb_pipelines.schedule.cron import Cron
from pvkdb_pipelines.screening.plan.plan_file import read_plan, shipped_plans
from pvkdb_pipelines.screening.recorded import plan_name

#: What an entry may take from the top of the file.
_COMMON = ("timezone", "engine", "config", "processes", "webhook")


class Entry(BaseModel):
    """A plan and its times. ``name`` is that of its runs; paths are absolute."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    plan: str
    cron: str
    name: str = Field(min_length=1)
    timezone: str = "UTC"
    engine: str = ENGINES[0]
    config: str | None = None
    processes: int | None = Field(default=None, ge=1)
    retry: bool = False
    webhook: str | None = None

    @property
    def times(self) -> Cron:
        """When it runs."""
        return Cron(self.cron, ZoneInfo(self.timezone))

    @property
    def expression(self) -> str:
        """Times and zone in words; another one begins anew."""
        return f"{self.cron} {self.timezone}"


def read_schedule(path: Path) -> list[Entry]:
    """The entries of a file, checked with their plans, engines and time zones.

    Raises:
        InputError: it cannot be read, or says something that cannot be; names the line.
        PlanError: one of its plans cannot be carried out.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"schedule {path} cannot be read: {error.strerror}; docs/schedule.md shows one"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"schedule {path} is not UTF-8 text") from error
    entries = parse_schedule(text, path.name, path.resolve().parent)
    for entry in entries:
        read_plan(entry.plan)
    return entries


def parse_schedule(text: str, file: str, folder: Path) -> list[Entry]:
    """The entries of a text; ``folder`` is where its relative paths begin.

    Raises:
        InputError: as of :func:`read_schedule`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file} is not TOML: {error}") from error
    for key in document:
        if key not in ("screen", *_COMMON):
            _refuse(text, file, 0, key, unknown_name("key", key, ("screen", *_COMMON)))
    tables = document.get("screen")
    if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
        raise InputError(f"{file}: there is no [[screen]] with a plan and its cron expression")
    common = {key: document[key] for key in _COMMON if key in document}
    entries = [
        _entry(text, file, folder, number, {**common, **table})
        for number, table in enumerate(tables, start=1)
    ]
    for name, count in Counter(entry.name for entry in entries).items():
        if count > 1:
            raise InputError(
                f"{file}: {count} entries have the name {name!r}, by which their runs are told "
                "apart; give each a name of its own: name = …"
            )
    return entries


def _entry(text: str, file: str, folder: Path, number: int, table: dict[str, Any]) -> Entry:
    for key in table:
        if key not in Entry.model_fields:
            _refuse(text, file, number, key, unknown_name("key", key, Entry.model_fields))
    plan = table.get("plan")
    if isinstance(plan, str):
        table.setdefault("name", plan_name(plan))
        if plan not in shipped_plans():
            table["plan"] = str(folder / plan)
    if isinstance(table.get("config"), str):
        table["config"] = str(folder / table["config"])
    try:
        entry = Entry.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        if first["type"] == "missing":
            raise InputError(f"{file}: [[screen]] number {number} has no {key}") from error
        _refuse(text, file, number, key, f"{key} = {first['input']!r}: {first['msg']}")
    _check(text, file, number, entry)
    return entry


def _check(text: str, file: str, number: int, entry: Entry) -> None:
    try:
        ZoneInfo(entry.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        said = f"timezone = {entry.timezone!r} is no time zone; write e.g. Europe/Berlin or UTC"
        _refuse(text, file, number, "timezone", said)
    try:
        _ = entry.times
    except InputError as error:
        _refuse(text, file, number, "cron", str(error))
    if entry.engine not in ENGINES:
        said = unknown_name("engine", entry.engine, ENGINES)
        _refuse(text, file, number, "engine", said)
    if (entry.engine == "parsl") == (entry.config is None):
        said = "engine = 'parsl' and config, the file of its cluster, belong together"
        _refuse(text, file, number, "engine", said)
    if entry.webhook is not None and not re.match(r"https?://[^/\s]", entry.webhook):
        said = "webhook must be an address that begins with http:// or https://"
        _refuse(text, file, number, "webhook", said)


def _refuse(text: str, file: str, number: int, key: str, reason: str) -> NoReturn:
    """Raise, with the line that gives the key in the entry of this number, or at the top."""
    pattern = re.compile(rf"""\s*["']?{re.escape(key)}\b""")
    here, top = 0, None
    for count, line in enumerate(text.splitlines(), start=1):
        here += line.replace(" ", "").startswith("[[screen]]")
        if pattern.match(line):
            if here == number:
                raise InputError(f"{file} line {count}: {reason}")
            top = count if here == 0 else top
    where = "" if top is None else f" line {top}"
    raise InputError(f"{file}{where}: {reason}")
