"""``--engine`` and ``--config``: where a command's calculations run."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.console import messages

if TYPE_CHECKING:
    from pvkdb_pipelines.engines import Engine

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
    name: str, config: Path | None, processes: int | None, *, drains: bool = False
) -> Iterator[Engine]:
    """The engine that a user named, closed at the end of the block.

    Args:
        name: Of the engine.
        config: File of the cluster.
        processes: At most this many, on this machine.
        drains: Whether a first SIGTERM lets what runs on a cluster end; a second one, and Ctrl-C,
            do not wait.
    """
    from pvkdb_pipelines.engines import make_engine

    engine = make_engine(
        name, config, processes, lambda said: messages().print(said, markup=False, soft_wrap=True)
    )
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, before)
        engine.stop()

    if drains and name != DEFAULT_ENGINE:
        signal.signal(signal.SIGTERM, stop)
    try:
        yield engine
    finally:
        signal.signal(signal.SIGTERM, before)
        engine.close()
