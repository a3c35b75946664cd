"""API keys and their scopes, and the audit log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class Scope(StrEnum):
    """Scopes of a key. Every scope includes ``read``; ``admin`` includes all."""

    READ = "read"
    QUEUE = "queue"
    IMPORT = "import"
    ADMIN = "admin"

    @property
    def included(self) -> frozenset[Scope]:
        """The scopes that a key with this scope has, including this one."""
        if self is Scope.ADMIN:
            return frozenset(Scope)
        return frozenset({self, Scope.READ})


class KeyDocument(BaseModel):
    """A key without its secret, which is shown only once."""

    id: str = Field(description="First characters of the key after pvk_.")
    name: str = Field(description="Owner or purpose.")
    person: str = Field(description="Owner; several keys may have the same.")
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None = Field(description="Null if it does not expire.")
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return ``valid``, ``revoked`` or ``expired``."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if self.expires_at is None or self.expires_at > now else "expired"


class NewKey(KeyDocument):
    """A new key with its secret, which is shown only here."""

    key: str


class AuditDocument(BaseModel):
    """One entry of the audit log: a write, with its caller and time."""

    at: datetime
    caller: str = Field(description="A key (`key ID (NAME)`), `local`, or `command line (USER)`.")
    address: str | None = Field(description="Network address; None on the command line.")
    action: str
    subject: str = Field(description="Id of what was written.")
    request_id: str | None = Field(description="X-Request-ID of the request that wrote it.")
