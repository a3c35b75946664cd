"""A snapshot of the literature, made once: writing one takes a second."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pvkdb.snapshots.writing import one_moment, write_snapshot
from pvkdb.store.database import Store


@pytest.fixture(scope="session")
def packed(loaded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot as a ZIP archive."""
    path = tmp_path_factory.mktemp("snapshot") / "all.zip"
    store = Store(f"sqlite:///{loaded_sqlite}")
    with one_moment(store) as session:
        write_snapshot(session, path)
    store.close()
    return path


@pytest.fixture(scope="session")
def made(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same snapshot as a folder."""
    folder = tmp_path_factory.mktemp("made") / "old"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    return folder
