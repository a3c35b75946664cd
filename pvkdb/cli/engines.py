"""``--engine`` and ``--config``: where a command's calculations run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.output.console import messages

if TYPE_CHECKING:
    from pvkdb_pipelines.engines import CalculationEngine

DEFAULT_ENGINE = "local"

EngineOption = Annotated[
    str,
    typer.Option("--engine", help="local: processes of this machine; parsl: a cluster."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The cluster, for --engine parsl."),
]


@contextmanager
def open_engine(
    name: str,
    config: Path | None,
    processes: int | None,
    *,
    grace_s: float | None = None,
    pin: bool = True,
) -> Iterator[CalculationEngine]:
    """The engine that a user named, closed at the end of the block; as of ``make_engine``."""
    from pvkdb_pipelines.engines import make_engine

    engine = make_engine(
        name,
        config,
        processes,
        lambda said: messages().print(said, markup=False, soft_wrap=True),
        grace_s=grace_s,
        pin=pin,
    )
    try:
        yield engine
    finally:
        engine.close()
