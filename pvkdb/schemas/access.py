"""Who may do what with the service: scopes, keys, and the log of what was written."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class Scope(StrEnum):
    """What a key allows. Each of the others includes reading, ``admin`` includes all."""

    READ = "read"
    QUEUE = "queue"
    IMPORT = "import"
    ADMIN = "admin"

    @property
    def included(self) -> frozenset[Scope]:
        """This scope with those that it brings along."""
        if self is Scope.ADMIN:
            return frozenset(Scope)
        return frozenset({self, Scope.READ})


class KeyDocument(BaseModel):
    """A key as it is listed: everything but the key itself, which nobody can show again."""

    id: str = Field(description="The first characters of the key behind pvk_.")
    name: str = Field(description="Whose or what for.")
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None = Field(description="None: it does not expire.")
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """``valid``, ``revoked`` or ``expired``."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if self.expires_at is None or self.expires_at > now else "expired"


class NewKey(KeyDocument):
    """A key just made, with the key itself for the only time."""

    key: str


class AuditDocument(BaseModel):
    """One write: who, when, what."""

    at: datetime
    caller: str = Field(description="A key (`key ID (NAME)`), `local`, or `command line (USER)`.")
    address: str | None = Field(description="Network address; None on the command line.")
    action: str
    subject: str = Field(description="Id of what was written.")
    request_id: str | None = Field(description="X-Request-ID of the request that wrote it.")
