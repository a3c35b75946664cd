"""The service as the internet sees it: on an empty store, asked from another machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle

import httpx

from pvkdb.store.database import Store
from pvkdb.store.queue.jobs import count
from pvkdb.store.security.keys import create_key
from pvkdb_api.core.settings import ServiceSettings

from .conftest import Api, application

#: An address and a name for documentation (RFC 5737, RFC 2606).
OUTSIDE = ("203.0.113.9", 4711)
PUBLIC = "http://pvkdb.example.org"

CALCULATIONS = "/api/v1/calculations"
#: Compounds that no other test of a module has asked for.
FRESH = cycle(
    f"{a}{b}{x}3" for a in ("Rb", "K") for b in ("Pb", "Sn", "Ge") for x in ("I", "Br", "Cl")
)


@contextmanager
def guarding(store: Store, **settings: object) -> Iterator[Api]:
    """The service with settings, reached from outside."""
    url = store.url.render_as_string(hide_password=False)
    app = application(url, ServiceSettings(**settings))  # type: ignore[arg-type]
    yield Api(app, PUBLIC, OUTSIDE)
    app.state.served.close()


def at_home(api: Api, **changes: object) -> Api:
    """The same service, reached from its own machine."""
    local = {"base_url": "http://127.0.0.1:8000", "client": ("127.0.0.1", 4711)}
    return replace(api, **{**local, **changes})  # type: ignore[arg-type]


def key_for(store: Store, *scopes: str, name: str = "test") -> str:
    """A new key."""
    with store.session() as session:
        return create_key(session, name, scopes).key


def queue(
    api: Api, formula: str = "CsPbBr3", key: str | None = None, **headers: str
) -> httpx.Response:
    """Ask for a calculation."""
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    return api.request("POST", CALCULATIONS, json={"formula": formula}, headers=headers)


def queued(store: Store) -> int:
    """How many calculations the store holds."""
    with store.session(read_only=True) as session:
        return sum(count(session).values())
