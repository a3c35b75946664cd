"""Results that take seconds to compute, kept in the store for as long as its data stay the same.

A service whose results are made again behind it (:class:`Lag`) also shows the last ones meanwhile.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import PvkdbError
from pvkdb.store.changes import data_changes
from pvkdb.store.models.summaries import KeptResult

Model = TypeVar("Model", bound=BaseModel)

#: Files of the package that results depend on.
_SOURCES = (".py", ".toml", ".json", ".csv")
#: Seconds to wait for the lock.
_LOCK_WAIT_S = 1.0
#: Where the ``info`` of a session has its :class:`Lag`.
LAG = "pvkdb_lag"


@dataclass
class Lag:
    """How long ago the data of a result may have changed, and how long ago those of shown ones did.

    ``age_s`` gets the number of changes that a result has seen, and returns for how many seconds
    at most there have been more. ``seen`` is what the oldest shown result has seen of them, and
    ``version`` its dataset version; None: no kept result is shown.
    """

    most_s: float
    age_s: Callable[[int], float]
    shown_s: float = 0.0
    seen: int | None = None
    version: str | None = None


def kept(session: Session, name: str, model: type[Model], compute: Callable[[], Model]) -> Model:
    """Return the kept result of this name; compute and keep it if the data have changed since.

    The ``info`` of a session may allow a :class:`Lag`. A result is kept by sessions that only read,
    since what another one sees may be rolled back. In a store that cannot be written it is kept in
    memory. One thread computes at a time.
    """
    if (found := _found(session, name, model)) is not None:
        return found
    store = session.info["pvkdb_store"]
    with store.computing:
        if (found := _found(session, name, model)) is not None:
            return found
        state = f"{data_changes(session)} {_code()}"
        result = compute()
        if session.connection().get_execution_options().get("pvkdb_read_only"):
            store.kept[name] = state, result
            body = zlib.compress(result.model_dump_json().encode(), 1)
            with suppress(PvkdbError), store.session(lock_wait_s=_LOCK_WAIT_S) as writing:
                writing.merge(KeptResult(name=name, state=state, body=body))
    return result


def _found(session: Session, name: str, model: type[Model]) -> Model | None:
    """Return the kept result of this name if it may be shown."""
    number, lag = data_changes(session), session.info.get(LAG)
    in_memory = session.info["pvkdb_store"].kept.get(name, ("", None))
    states = [session.scalar(select(KeptResult.state).where(KeptResult.name == name)), in_memory[0]]
    for state in filter(None, states):
        seen, _, code = state.partition(" ")
        age_s = 0.0 if int(seen) == number else lag.age_s(int(seen)) if lag else inf
        if code != _code() or age_s > (lag.most_s if lag else 0):
            continue
        if in_memory[0] != state:
            in_memory = state, _read(session, name, state, model)
        if (result := cast("Model | None", in_memory[1])) is None:
            continue  # replaced just now
        session.info["pvkdb_store"].kept[name] = in_memory
        if lag and age_s >= lag.shown_s:
            lag.shown_s, lag.seen = age_s, int(seen)
            lag.version = getattr(result, "dataset_version", None)
        return result
    return None


def _read(session: Session, name: str, state: str, model: type[Model]) -> Model | None:
    wanted = KeptResult.name == name, KeptResult.state == state
    body = session.scalar(select(KeptResult.body).where(*wanted))
    return None if body is None else model.model_validate_json(zlib.decompress(body))


@cache
def _code() -> str:
    """Return a text that is the same wherever the files of this package are."""
    package, digest = Path(__file__).parents[2], hashlib.sha256()
    for each in sorted(each for each in package.rglob("*.*") if each.suffix in _SOURCES):
        digest.update(f"{each.relative_to(package)}\n".encode() + each.read_bytes())
    return digest.hexdigest()
