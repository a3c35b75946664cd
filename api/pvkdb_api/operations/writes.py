"""Parts of every write: its entry in the audit log, and its idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from pvkdb.store.security.audit import record
from pvkdb.store.security.idempotency import remembered
from pvkdb_api.core.callers import Caller
from pvkdb_api.core.refusals import naming

Document = TypeVar("Document", bound=BaseModel)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A unique name for this request: repeated within 24 hours, it gets the same "
        "answer again; with another body it is refused.",
    ),
]


def note_write(
    session: Session, request: Request, caller: Caller, action: str, subject: str
) -> None:
    """Add an entry to the audit log in the transaction of the request."""
    record(
        session,
        caller.name,
        action,
        subject,
        key_id=caller.key_id,
        address=caller.address,
        request_id=request.state.request_id,
    )


def once(
    session: Session,
    response: Response,
    caller: Caller,
    key: str | None,
    content: str,
    model: type[Document],
    write: Callable[[], tuple[Document, int]],
) -> Document:
    """Write, or return the earlier answer to the same request with this key.

    Args:
        session: The transaction of the write; the answer is stored in it.
        response: Its status is set.
        caller: Owner of the key.
        key: The request's ``Idempotency-Key``, if it has one.
        content: The content of the request, which a key is bound to.
        model: Type of the answer.
        write: Performs the write and returns the answer and its status.

    Raises:
        ParameterError: the key belongs to an earlier, different request.
    """
    if key is None:
        document, response.status_code = write()
        return document
    with naming("Idempotency-Key"):
        answer = remembered(session, caller.name, key, content)
    if answer.status is not None:
        response.status_code = answer.status
        response.headers["Idempotent-Replayed"] = "true"
        return model.model_validate(answer.body)
    document, response.status_code = write()
    answer.status, answer.body = response.status_code, document.model_dump(mode="json")
    return document
