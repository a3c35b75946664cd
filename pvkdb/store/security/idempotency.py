"""Repeated requests: the first answer is kept and returned again.

As in draft-ietf-httpapi-idempotency-key-header, a key with another request is refused. The answer
is kept in the transaction of the write, so that neither exists without the other; a simultaneous
repetition waits for the first request to end.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.store.base import utc_now
from pvkdb.store.curation.registration import get_or_add
from pvkdb.store.models.access import RememberedAnswer

#: Time for which an answer is kept.
KEPT = timedelta(hours=24)


def remembered(session: Session, caller: str, key: str, request: str) -> RememberedAnswer:
    """Return the kept answer for a caller's idempotency key; ``status`` is None if it is new.

    Raises:
        InputError: the key came with another request before.
    """
    now = utc_now()
    session.execute(delete(RememberedAnswer).where(RememberedAnswer.created_at < now - KEPT))
    digest = sha256(request.encode()).hexdigest()
    find = select(RememberedAnswer).where(
        RememberedAnswer.caller == caller, RememberedAnswer.key == key
    )
    answer = get_or_add(
        session,
        find,
        lambda: RememberedAnswer(caller=caller, key=key, request_digest=digest, created_at=now),
    )
    if answer.request_digest != digest:
        raise InputError(
            "this Idempotency-Key came with another request before; use a new key for a new "
            "request, and the same body to repeat one"
        )
    return answer
