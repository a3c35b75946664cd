"""``import pvkdb_pipelines`` offers its main functions without loading their libraries."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pvkdb_pipelines


@pytest.mark.parametrize("name", pvkdb_pipelines.__all__)
def test_every_exported_function_exists(name: str) -> None:
    assert callable(getattr(pvkdb_pipelines, name))
    assert name in dir(pvkdb_pipelines)


def test_the_import_loads_no_heavy_library() -> None:
    program = "import sys, pvkdb_pipelines; print({'numpy', 'ase', 'torch'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout.decode().strip() == "set()"
