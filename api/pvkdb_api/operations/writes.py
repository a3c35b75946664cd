"""Writes over HTTP: entries in the audit log, imports, idempotency keys."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from pvkdb.errors import naming
from pvkdb.literature.importing import import_files
from pvkdb.operations import Operation
from pvkdb.schemas.imports import ImportReport
from pvkdb.store.curation.dataset import IMPORT, current_version, note_importer
from pvkdb.store.curation.sources import Upload
from pvkdb.store.security.audit import record
from pvkdb.store.security.idempotency import remembered
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
    record(session, caller_of(request).name, action, subject, **noted(request))


def noted(request: Request) -> dict[str, str | None]:
    """Return what the audit log has of the caller of a request beside the name."""
    caller = caller_of(request)
    return {
        "key_id": caller.key_id,
        "address": caller.address,
        "request_id": request.state.request_id,
    }


def written(request: Request, session: Session, operation: Operation, asked: BaseModel) -> Any:
    """Return the result of an operation that writes, by the name of the caller's key."""
    caller = caller_of(request)
    name = caller.name if caller.key_id else getattr(asked, "by", None) or caller.name
    session.info["pvkdb_caller"] = noted(request)
    found = operation.run(asked.model_copy(update={"by": name}), lambda: nullcontext(session))
    request.state.dataset_version = current_version(session)
    return found


def import_upload(
    request: Request, session: Session, upload: Upload, *, dry_run: bool
) -> ImportReport:
    """Import an upload and note the write; with ``dry_run``, undo its changes.

    Raises:
        ImportRefusedError: names the problems; nothing is changed.
    """
    with session.begin_nested() as attempt:
        report = import_files(session, [upload], dry_run=dry_run)
        if dry_run:
            attempt.rollback()
    if report.changed and not dry_run:
        session.info["pvkdb_caller"] = noted(request)
        if caller_of(request).key_id:  # without a key, nobody is named
            note_importer(session, report.dataset_version, caller_of(request).name)
        note_write(session, request, IMPORT, report.dataset_version)
    return report


@dataclass(frozen=True, slots=True)
class IdempotentWrite:
    """A write that a client may repeat under an idempotency key without repeating its effect."""

    request: Request
    response: Response
    session: WriteSession
    idempotency_key: IdempotencyKey = None

    def once(
        self, content: str, model: type[Document], write: Callable[[], tuple[Document, bool]]
    ) -> Document:
        """Carry out the write, or return the kept answer if this key was used before.

        Args:
            content: The content of the request, which the key is bound to.
            model: Type of the answer.
            write: Performs the write; returns the answer, and whether work is still to be done
                (status 202 instead of 200).

        Raises:
            ParameterError: the key belongs to an earlier, different request.
        """
        if self.idempotency_key is None:
            return self._write(write)
        with naming("Idempotency-Key"):
            answer = remembered(
                self.session, caller_of(self.request).name, self.idempotency_key, content
            )
        if answer.status is not None:
            self.response.status_code = answer.status
            self.response.headers["Idempotent-Replayed"] = "true"
            return model.model_validate(answer.body)
        document = self._write(write)
        answer.status, answer.body = self.response.status_code, document.model_dump(mode="json")
        return document

    def _write(self, write: Callable[[], tuple[Document, bool]]) -> Document:
        document, pending = write()
        self.response.status_code = HTTPStatus.ACCEPTED if pending else HTTPStatus.OK
        return document


#: The write of a route, repeatable under the ``Idempotency-Key`` of the request.
Writing = Annotated[IdempotentWrite, Depends()]
