"""The explorer in a real browser, on a running service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pvkdb.store.database import Store
from pvkdb_api.core.settings import ServiceSettings

from ...patience import PATIENCE_S
from ...programs import listening
from ..conftest import LOCAL_KEYS, application
from ..guarded import OUTSIDE, PUBLIC, guarding, key_for
from .browsing import Browser


@contextmanager
def serving_at(url: str, *, local_writes: bool = True) -> Iterator[str]:
    """The address of a service on a database, in a thread: a process of its own starts for long."""
    app = application(url, ServiceSettings(allow_local_writes=local_writes, ranking_lag_s=0))
    with listening(app) as address:
        LOCAL_KEYS[address] = app.state.local_key or ""
        yield address


@pytest.fixture(scope="package")
def address(loaded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the literature, for tests that only read."""
    path = tmp_path_factory.mktemp("explorer") / "explorer.sqlite"
    shutil.copy(loaded_sqlite, path)
    with serving_at(f"sqlite:///{path}") as served:
        yield served


class Visitor:
    """A person with a browser: opens pages of a service, and nothing may go wrong on the way."""

    def __init__(
        self, chromium: Any, address: str, *, signed_in: bool = True, **context: Any
    ) -> None:
        self.address = address
        self.complaints: list[str] = []
        self.expected: set[int] = set()
        # What plays in 3D keeps a core busy for as long as its page is open.
        calm = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        self.context = chromium.new_context(**{**calm, **context})
        if signed_in and (key := LOCAL_KEYS.get(address)):
            self.context.add_cookies([{"name": "pvkdb_key", "value": key, "url": address}])
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.tab = self.context.new_page()
        self.tab.on("console", self._heard)
        self.tab.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.tab.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        if message.type not in ("error", "warning"):
            return
        if "GL Driver Message" in message.text:
            return  # of the machine's software renderer, on its own speed
        if any(f"status of {status}" in message.text for status in self.expected):
            return
        self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        host = urlsplit(self.address).netloc
        if request.url.startswith(("http", "ws")) and urlsplit(request.url).netloc != host:
            self.complaints.append(f"another host: {request.url}")

    def open(self, path: str, status: int = 200) -> Any:
        """Open a page, which must answer with a status; the tab."""
        if status != 200:
            self.expected.add(status)
        answer = self.tab.goto(f"{self.address}{path}")
        assert answer.status == status, f"{path}: {answer.status}\n{answer.text()[:2000]}"
        return self.tab

    def close(self) -> None:
        """Leave, and tell what went wrong."""
        self.context.close()
        assert not self.complaints, "\n".join(self.complaints)


@pytest.fixture
def visitor(chromium: Any, address: str) -> Iterator[Visitor]:
    """A visitor of the literature; whatever the browser complains of fails the test."""
    visiting = Visitor(chromium, address)
    yield visiting
    visiting.close()


@pytest.fixture
def scriptless(chromium: Any, address: str) -> Iterator[Visitor]:
    """A visitor whose browser runs no scripts."""
    visiting = Visitor(chromium, address, java_script_enabled=False)
    yield visiting
    visiting.close()


@pytest.fixture
def browser(guarded_store: Store) -> Iterator[Browser]:
    """A visitor from outside of a service that asks for keys."""
    with guarding(guarded_store) as api:
        yield Browser(api.app, PUBLIC, OUTSIDE)


@pytest.fixture
def importer(browser: Browser, guarded_store: Store) -> Browser:
    """The same visitor with a key for imports."""
    browser.sign_in(key_for(guarded_store, "import", name="Ada"))
    return browser
