"""Results that take seconds to compute, kept in the store for as long as its data stay the same."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel
from sqlalchemy.orm import Session

from pvkdb.errors import PvkdbError
from pvkdb.store.changes import data_changes
from pvkdb.store.models.summaries import KeptResult

Model = TypeVar("Model", bound=BaseModel)

#: Files of the package that results depend on.
_SOURCES = (".py", ".toml", ".json", ".csv")
#: Seconds to wait for the lock.
_LOCK_WAIT_S = 0.1


def kept(session: Session, name: str, model: type[Model], compute: Callable[[], Model]) -> Model:
    """Return the kept result of this name; compute and keep it if the data have changed since.

    A result is kept by sessions that only read, since what another one sees may be rolled back. In
    a store that cannot be written it is kept in memory.
    """
    state = f"{data_changes(session)} {_code()}"
    known = session.get(KeptResult, name)
    if known is not None and known.state == state:
        return model.model_validate_json(zlib.decompress(known.body))
    store = session.info["pvkdb_store"]
    if (in_memory := store.kept.get(name)) and in_memory[0] == state:
        return cast("Model", in_memory[1])
    result = compute()
    if session.connection().get_execution_options().get("pvkdb_read_only"):
        body = zlib.compress(result.model_dump_json().encode())
        try:
            with store.session(lock_wait_s=_LOCK_WAIT_S) as writing:
                writing.merge(KeptResult(name=name, state=state, body=body))
        except PvkdbError:
            store.kept[name] = state, result
    return result


@cache
def _code() -> str:
    """Return a text that is the same wherever the files of this package are."""
    package, digest = Path(__file__).parents[2], hashlib.sha256()
    for each in sorted(each for each in package.rglob("*.*") if each.suffix in _SOURCES):
        digest.update(f"{each.relative_to(package)}\n".encode() + each.read_bytes())
    return digest.hexdigest()
