"""Services on loopback, which every test of this folder asks in place of the real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pvkdb.client._io.service import Patience
from pvkdb.literature.papers.adding import PaperOutcome, add_papers
from pvkdb.literature.papers.services import SERVICES, PaperService
from pvkdb.literature.publications import Publications
from pvkdb.store.database import Store

from .library import Library

Add = Callable[..., list[PaperOutcome]]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """The services; without pauses between requests."""
    with Library() as server:
        for name, (setting, default, _) in SERVICES.items():
            path = name.lower().replace(" ", "")
            monkeypatch.setenv(setting, f"{server.base}/{path}")
            monkeypatch.setitem(SERVICES, name, (setting, default, 0.0))
        thread = threading.Thread(target=partial(server.serve_forever, 0.01))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def services(library: Library, tmp_path: Path) -> Iterator[dict[str, PaperService]]:
    patience = Patience(retries=1, limit_s=1.0, max_answer_mb=1.0)
    with ExitStack() as stack:
        made = {n: PaperService(n, "me@own.org", tmp_path / "kept", patience) for n in SERVICES}
        for each in made.values():
            stack.callback(each.close)
        yield made


@pytest.fixture
def add(services: dict[str, PaperService], sqlite_store: Store, tmp_path: Path) -> Add:
    """Add papers whose files go to the folder of the test."""

    def known(cells: Any, row: Any) -> str | None:
        with sqlite_store.session(read_only=True) as session:
            held = Publications(session, "").held(cells, row)
            return held.key if held else None

    return lambda *papers, **how: add_papers(papers, services, known, tmp_path, **how)
