"""API keys of the service: create, check, list and revoke.

A key is ``pvk_ID_SECRET``. The secret has 256 random bits, so that one round of SHA-256 hides it;
slow hashes are for passwords and would only slow every request here. Digests are compared in
constant time, so that timing reveals nothing.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import AccessError, InputError, NotFoundError, unknown_name
from pvkdb.schemas.access import KeyDocument, NewKey, Scope
from pvkdb.store.base import utc_now
from pvkdb.store.curation.people import label_of, person_named
from pvkdb.store.models.access import ApiKey
from pvkdb.store.rows.from_models import document_of

_FORM = re.compile(r"pvk_(?P<id>[0-9a-f]{8})_[A-Za-z0-9_-]{43}", re.ASCII)

#: Compared for an unknown id, so that this takes as long as a wrong secret.
_NO_DIGEST = sha256(b"").hexdigest()

#: Longest life of a key; later dates do not fit into databases and calendars.
LONGEST_DAYS = 36_500


class KeyRefusedError(AccessError):
    """The key is missing or not valid."""


def create_key(
    session: Session,
    name: str,
    scopes: Iterable[str],
    expires_days: float | None = None,
    person: str | None = None,
) -> NewKey:
    """Create a key of a person (default: ``name``); only the return value contains it.

    Raises:
        InputError: name, scope or time cannot be used.
    """
    chosen = _scopes(scopes)
    label_of(name)
    if expires_days is not None and not 0 < expires_days <= LONGEST_DAYS:
        raise InputError(
            f"a key cannot expire in {expires_days:g} days; give 1 to {LONGEST_DAYS}, or leave "
            "it out"
        )
    now = utc_now()
    key_id = secrets.token_hex(4)
    while session.get(ApiKey, key_id) is not None:
        key_id = secrets.token_hex(4)
    key = f"pvk_{key_id}_{secrets.token_urlsafe(32)}"
    made = ApiKey(
        id=key_id,
        name=name,
        person_id=person_named(session, person or name).id,
        digest=_digest(key),
        scopes=" ".join(chosen),
        created_at=now,
        expires_at=None if expires_days is None else now + timedelta(days=expires_days),
    )
    session.add(made)
    session.flush()
    return NewKey(**key_document(made).model_dump(), key=key)


def authenticate(session: Session, key: str) -> KeyDocument:
    """Return the document of a valid key.

    Raises:
        KeyRefusedError: it is malformed, unknown, revoked or expired; the last two are reported
            only for a complete key.
    """
    form = _FORM.fullmatch(key)
    if form is None:
        raise KeyRefusedError(
            "the key is malformed: keys are written pvk_ID_SECRET, or pvk_local_SECRET for one "
            "start of a service; copy it again, whole"
        )
    found = session.get(ApiKey, form["id"])
    stored = _NO_DIGEST if found is None else found.digest
    holds = compare_digest(_digest(key), stored)
    if found is None or not holds:
        raise KeyRefusedError(
            "the key is not known here; ask the operators of this service for one"
        )
    document = key_document(found)
    state = document.state(utc_now())
    if state != "valid":
        raise KeyRefusedError(
            f"the key {document.id} is {state}; ask the operators of this service for a new one"
        )
    return document


def list_keys(session: Session) -> list[KeyDocument]:
    """Return all keys, oldest first, revoked ones included."""
    return [
        key_document(key)
        for key in session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id))
    ]


def revoke_key(session: Session, key_id: str) -> KeyDocument:
    """Revoke a key at once; a second time changes nothing.

    Raises:
        NotFoundError: no key has this id.
    """
    found = session.get(ApiKey, key_id)
    if found is None:
        raise NotFoundError(f"no key has the id {key_id[:60]!r}; see: pvkdb keys list")
    if found.revoked_at is None:
        found.revoked_at = utc_now()
        session.flush()
    return key_document(found)


def key_document(key: ApiKey) -> KeyDocument:
    """Return the public part of a key."""
    return document_of(KeyDocument, key, scopes=key.scopes.split(), person=key.person.name)


def _scopes(names: Iterable[str]) -> list[Scope]:
    known = [scope.value for scope in Scope]
    wanted = set(names)
    for name in sorted(wanted):
        if name not in known:
            raise InputError(unknown_name("scope", name[:60], known))
    if not wanted:
        raise InputError(f"a key needs a scope; known: {', '.join(known)}")
    return [scope for scope in Scope if scope in wanted]


def _digest(key: str) -> str:
    return sha256(key.encode("ascii")).hexdigest()
