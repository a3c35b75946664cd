"""API keys, the log of writes, and answers kept for repeated requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pvkdb.store.base import Base, utc_now


class Person(Base):
    """Somebody who curates; ``label`` is the one form of a name, ``name`` the form first given."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    label: Mapped[str] = mapped_column(unique=True)


class ApiKey(Base):
    """An API key. Only its digest is stored, so that a stolen database gives no access.

    ``id`` is a part of the key; ``scopes`` are separated by spaces. Keys are revoked and never
    deleted, since the log names them. A person may have several.
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    digest: Mapped[str]
    scopes: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship(lazy="joined")


class AuditEntry(Base):
    """One write, recorded in the transaction that wrote."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    caller: Mapped[str]
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"), index=True)
    address: Mapped[str | None]
    action: Mapped[str]
    subject: Mapped[str]
    request_id: Mapped[str | None]


class RememberedAnswer(Base):
    """The answer to a request with an ``Idempotency-Key``, returned when it is repeated."""

    __tablename__ = "remembered_answers"

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[str]
    status: Mapped[int | None]
    body: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
