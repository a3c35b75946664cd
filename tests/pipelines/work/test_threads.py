"""Processes that compute have one thread each, unless their user says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pvkdb_pipelines.work.threads import VARIABLES, one_thread_each


def test_one_thread_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    one_thread_each()
    assert os.environ["OMP_NUM_THREADS"] == "4"
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    for name in VARIABLES[1:]:
        monkeypatch.delenv(name)


def test_the_command_line_asks_before_libraries_are_loaded() -> None:
    """With numpy's own library loaded afterwards, its pool has one thread."""
    program = (
        "import sys; sys.argv = ['pvkdb', '--version']\n"
        "from pvkdb.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "import numpy, threadpoolctl\n"
        "print(max(pool['num_threads'] for pool in threadpoolctl.threadpool_info()))\n"
    )
    plain = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    found = subprocess.run(
        [sys.executable, "-c", program], env=plain, capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines()[-1] == "1"
