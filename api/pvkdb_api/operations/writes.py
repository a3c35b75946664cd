"""What every write has in common: it is in the audit log, and it may be repeated."""

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
        description="A name of your own for this request: repeated within 24 hours, it gets the "
        "same answer again; with another body it is refused.",
    ),
]


def note_write(
    session: Session, request: Request, caller: Caller, action: str, subject: str
) -> None:
    """Write into the audit log what a request does, in its own transaction."""
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
    """Write, or give the answer that the same request got before under its key.

    Args:
        session: The transaction of the write, in which the answer is kept.
        response: Gets the status.
        caller: To whom the key belongs.
        key: The request's ``Idempotency-Key``, if it has one.
        content: What the request asks for; under one key it is always the same.
        model: Of the answer.
        write: Does it, and gives the answer with its status.

    Raises:
        ParameterError: the key came with another request before.
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
