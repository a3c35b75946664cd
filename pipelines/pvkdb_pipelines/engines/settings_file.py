"""Files that describe a cluster: TOML with pvkdb's keys, or Python that defines a ``config``."""

from __future__ import annotations

import runpy
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.toml_files import line_of, parse_document, read_text, read_toml
from pvkdb_pipelines.engines.settings import SCHEDULERS, Cluster

if TYPE_CHECKING:
    from pvkdb_pipelines.engines.parsl_config import ClusterPlan


def read_cluster(path: Path) -> ClusterPlan:
    """Return the cluster that a file describes; ``.py`` is Python, anything else TOML.

    Raises:
        InputError: the file cannot be read, or a value is refused; names the line.
        MissingExtraError: Parsl, or a package that the scheduler needs, is not installed.
    """
    from pvkdb_pipelines.engines.parsl_config import plan_of, plan_of_python
    from pvkdb_pipelines.engines.providers import require_scheduler

    text = read_text(path, f"--config {path}")
    if path.suffix == ".py":
        return plan_of_python(_run(path), path.name)
    cluster = parse_cluster(text, path.name)
    require_scheduler(cluster)
    return plan_of(cluster)


def parse_cluster(text: str, file: str = "cluster.toml") -> Cluster:
    """Return the cluster that a TOML text describes.

    Raises:
        InputError: the text is not TOML, or a value is refused; names the line.
    """
    name = parse_document(text, file).get("provider")
    if name is None:
        known = ", ".join(SCHEDULERS)
        raise InputError(f"{file}: provider is missing; give one of: {known}")
    if not isinstance(name, str) or name not in SCHEDULERS:
        reason = unknown_name("provider", str(name), SCHEDULERS)
        raise InputError(f"{file} line {line_of(text, ('provider',))}: {reason}")
    return read_toml(SCHEDULERS[name], text, file)


def _run(path: Path) -> dict[str, object]:
    """Run a Python file and return the variables that it defines, by name."""
    try:
        return runpy.run_path(str(path))
    except SyntaxError as error:
        raise InputError(f"{path.name} line {error.lineno}: {error.msg}") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        where = f" line {lines[-1]}" if lines else ""
        raise InputError(f"{path.name}{where}: {type(error).__name__}: {error}") from error
