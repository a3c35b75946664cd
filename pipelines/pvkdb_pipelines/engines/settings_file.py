"""Reading the file of a cluster: TOML in pvkdb's words, or Python that makes a Parsl ``config``."""

from __future__ import annotations

import re
import runpy
import tomllib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pydantic import ValidationError

from pvkdb.errors import InputError, unknown_name
from pvkdb_pipelines.engines.settings import SCHEDULERS, Cluster

if TYPE_CHECKING:
    from pvkdb_pipelines.engines.parsl_config import ClusterPlan


def read_cluster(path: Path) -> ClusterPlan:
    """What a file says of a cluster; ``.py`` is Python, anything else TOML.

    Raises:
        InputError: it cannot be read, or says something that cannot be; names the line.
        MissingExtraError: Parsl, or what the scheduler needs, is not installed.
    """
    from pvkdb_pipelines.engines.parsl_config import plan_of, plan_of_python
    from pvkdb_pipelines.engines.providers import require_scheduler

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"--config {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--config {path} is not UTF-8 text") from error
    if path.suffix == ".py":
        return plan_of_python(_run(path), path.name)
    cluster = parse_cluster(text, path.name)
    require_scheduler(cluster)
    return plan_of(cluster)


def parse_cluster(text: str, file: str = "cluster.toml") -> Cluster:
    """The cluster that a TOML text describes.

    Raises:
        InputError: as of :func:`read_cluster`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file} is not TOML: {error}") from error
    name = document.get("provider")
    if name is None:
        known = ", ".join(SCHEDULERS)
        raise InputError(f"{file}: provider is missing; give one of: {known}")
    if not isinstance(name, str) or name not in SCHEDULERS:
        _refuse(text, file, "provider", unknown_name("provider", str(name), SCHEDULERS))
    model = SCHEDULERS[name]
    for key in document:
        if key not in model.model_fields:
            _refuse(text, file, key, unknown_name(f"key of {name}", key, model.model_fields))
    try:
        return model.model_validate(document)
    except ValidationError as error:
        _refuse_first(text, file, error)


def _refuse_first(text: str, file: str, error: ValidationError) -> NoReturn:
    first = error.errors(include_url=False)[0]
    said = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:  # of several keys together, which the message names
        _refuse(text, file, said.partition(" ")[0], said)
    key = str(first["loc"][0])
    if first["type"] == "missing":
        raise InputError(f"{file}: {key} is missing")
    _refuse(text, file, key, f"{key} = {first['input']!r}: {said[:1].lower()}{said[1:]}")


def _refuse(text: str, file: str, key: str, reason: str) -> NoReturn:
    """Raise, with the line that gives the key."""
    pattern = re.compile(rf"""\s*\[?["']?{re.escape(key)}\b""")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            raise InputError(f"{file} line {number}: {reason}")
    raise InputError(f"{file}: {reason}")


def _run(path: Path) -> dict[str, object]:
    """What a Python file defines."""
    try:
        return runpy.run_path(str(path))
    except SyntaxError as error:
        raise InputError(f"{path.name} line {error.lineno}: {error.msg}") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        where = f" line {lines[-1]}" if lines else ""
        raise InputError(f"{path.name}{where}: {type(error).__name__}: {error}") from error
