"""Calculations that are shipped, and a second store."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from pvkdb.computed import CALCULATIONS
from pvkdb.store.database import Store

from .exchanging import Line


@pytest.fixture(scope="module")
def shipped() -> dict[str, Line]:
    """A computed line of each kind, as they are shipped."""
    found: dict[str, Line] = {}
    with gzip.open(CALCULATIONS) as stream:
        next(stream)
        for line in map(json.loads, stream):
            if line["state"] == "done" and (line["structures"] or line["kind"] == "element"):
                found.setdefault(line["kind"], line)
    return found


@pytest.fixture
def other(tmp_path: Path, migrated_sqlite: Path) -> Store:
    """Another store."""
    shutil.copy(migrated_sqlite, tmp_path / "other.sqlite")
    return Store(f"sqlite:///{tmp_path / 'other.sqlite'}")
