"""Parts of every write: its entry in the audit log, and its idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from pvkdb.store.security.audit import record
from pvkdb.store.security.idempotency import remembered
from pvkdb_api.core.refusals import naming
from pvkdb_api.core.sessions import WriteSession
from pvkdb_api.frame.access import caller_of

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


def note_write(session: Session, request: Request, action: str, subject: str) -> None:
    """Add an entry to the audit log in the transaction of the request."""
    caller = caller_of(request)
    record(
        session,
        caller.name,
        action,
        subject,
        key_id=caller.key_id,
        address=caller.address,
        request_id=request.state.request_id,
    )


@dataclass(frozen=True, slots=True)
class IdempotentWrite:
    """A write that a client may repeat under an idempotency key without repeating its effect."""

    request: Request
    response: Response
    session: Session
    key: str | None

    def once(
        self, content: str, model: type[Document], write: Callable[[], tuple[Document, int]]
    ) -> Document:
        """Carry out the write, or return the kept answer if this key was used before.

        Args:
            content: The content of the request, which the key is bound to.
            model: Type of the answer.
            write: Performs the write and returns the answer and its status.

        Raises:
            ParameterError: the key belongs to an earlier, different request.
        """
        if self.key is None:
            document, self.response.status_code = write()
            return document
        with naming("Idempotency-Key"):
            answer = remembered(self.session, caller_of(self.request).name, self.key, content)
        if answer.status is not None:
            self.response.status_code = answer.status
            self.response.headers["Idempotent-Replayed"] = "true"
            return model.model_validate(answer.body)
        document, self.response.status_code = write()
        answer.status, answer.body = self.response.status_code, document.model_dump(mode="json")
        return document


def _idempotent_write(
    request: Request,
    response: Response,
    session: WriteSession,
    idempotency_key: IdempotencyKey = None,
) -> IdempotentWrite:
    return IdempotentWrite(request, response, session, idempotency_key)


#: The write of a route, repeatable under the ``Idempotency-Key`` of the request.
Writing = Annotated[IdempotentWrite, Depends(_idempotent_write)]
