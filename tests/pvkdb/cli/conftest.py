"""Running the command line: in this process, or in one of its own as a user does."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pvkdb.store.database import Store

from ...programs import Start, background

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Environment of a user whose database is an SQLite file of their own."""
    return {
        **os.environ,
        "PVKDB_DATABASE_URL": f"sqlite:///{tmp_path / 'user.sqlite'}",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "100",
    }


@pytest.fixture
def initialised(environment: dict[str, str], loaded_sqlite: Path) -> None:
    """The user has called ``pvkdb init``."""
    shutil.copy(loaded_sqlite, environment["PVKDB_DATABASE_URL"].removeprefix("sqlite:///"))


@pytest.fixture
def user_store(initialised: None, environment: dict[str, str]) -> Iterator[Store]:
    """The user's store, made by ``pvkdb init``."""
    store = Store(environment["PVKDB_DATABASE_URL"])
    yield store
    store.close()


@pytest.fixture
def bare_store(environment: dict[str, str], migrated_sqlite: Path) -> Iterator[Store]:
    """The user's store with its tables, and nothing in them."""
    store = Store(environment["PVKDB_DATABASE_URL"])
    shutil.copy(migrated_sqlite, store.sqlite_path or "")
    yield store
    store.close()


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Run ``pvkdb`` with arguments in an empty folder; it ends with the exit ``code``, or fails.

    It calls the entry point in this process, which saves the imports of every command. What needs
    a process of its own has it by ``start``.
    """
    return partial(run_here, tmp_path, environment)


def run_here(
    folder: Path, environment: dict[str, str], *arguments: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run ``pvkdb`` in this process, with the warnings that a user would see."""
    from pvkdb.cli import main

    found: Any = 0
    standard, error = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "oe")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", ["pvkdb", *arguments]),
        contextlib.redirect_stdout(standard),
        contextlib.redirect_stderr(error),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            main()
        except SystemExit as ended:
            found = ended.code or 0
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    printed = [stream.buffer.getvalue().decode("utf-8") for stream in (standard, error)]
    assert found == code, printed[1]
    return subprocess.CompletedProcess(arguments, code, *printed)


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Start ``pvkdb`` in the background; whatever still runs at the end is killed."""
    with background("-m", "pvkdb", cwd=tmp_path) as begin:
        yield partial(begin, environment)
