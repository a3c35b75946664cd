"""Settings of the service, each an environment variable.

:func:`read_settings` reads the environment once, when a service starts.
"""

from __future__ import annotations

import os
import secrets
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pvkdb.errors import InputError

__all__ = ["ServiceSettings", "read_settings"]

PREFIX = "PVKDB_"

#: What every local key begins with.
LOCAL_KEY = "pvk_local_"

#: Several values in one variable, separated by commas.
CommaSeparated = Annotated[tuple[str, ...], NoDecode]


class ServiceSettings(BaseSettings):
    """The settings of the service; ``PVKDB_READING=key`` sets ``reading``, and so on."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    reading: Literal["open", "key"] = Field(
        default="open", description="Who may read: everybody, or callers with a key."
    )
    open_metrics: bool = Field(
        default=False, description="Answer `/metrics` without a key even if reading needs one."
    )
    allow_local_writes: bool = Field(
        default=False,
        description="Accept writes from this machine with a key that is made at each start.",
    )
    rate_per_minute: int = Field(
        default=600,
        ge=0,
        description="Requests per minute from one address without a key; 0: no limit.",
    )
    key_rate_per_minute: int = Field(
        default=6000, ge=0, description="Requests per minute with one key; 0: no limit."
    )
    max_body_bytes: int = Field(
        default=1024 * 1024, ge=1024, description="Largest body of a request, in bytes."
    )
    max_paper_bytes: int = Field(
        default=20 * 1024 * 1024,
        ge=1024,
        description="Largest paper for the desk, from callers who may import, in bytes.",
    )
    request_timeout_s: float = Field(
        default=60, gt=0, description="Seconds within which an answer must begin."
    )
    ranking_lag_s: float = Field(
        default=300,
        ge=0,
        description="Seconds that default rankings, and the places of comparisons, may lag behind "
        "the data while they are made again; 0: never.",
    )
    send_timeout_s: float = Field(
        default=60,
        gt=0,
        description="Seconds after which a reader who takes nothing of an answer is cut off.",
    )
    cors_origins: CommaSeparated = Field(
        default=(),
        description="Other origins whose web pages may use the service: `https://HOST`, "
        "separated by commas; `*`: all.",
    )
    trusted_hosts: CommaSeparated = Field(
        default=(),
        description="Host names of the service (`db.example.org`, `*.example.org`), "
        "separated by commas; empty: any.",
    )
    trusted_proxies: CommaSeparated = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses or networks of reverse proxies whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are trusted, separated by commas.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="Log lines as text, or one JSON object per line."
    )
    workers: int = Field(default=1, ge=1, le=64, description="Number of worker processes.")
    shutdown_grace_s: int = Field(
        default=10, ge=0, description="Seconds that running requests have to finish at a stop."
    )

    @cached_property
    def local_key(self) -> str | None:
        """The key for writes of the user of this machine, of one start; None: there are none."""
        return f"{LOCAL_KEY}{secrets.token_urlsafe(32)}" if self.allow_local_writes else None

    @field_validator("cors_origins", "trusted_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_hosts")
    @classmethod
    def _leading_wildcards(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if "*" in host.removeprefix("*.") and host != "*":
                raise ValueError(f"{host!r}: a wildcard comes first, as in '*.example.org'")
        return tuple(host.lower() for host in hosts)

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and (
                not origin.startswith(("http://", "https://")) or origin.count("/") != 2
            ):
                raise ValueError(f"{origin!r} is not an origin such as 'https://HOST'")
        return origins


def read_settings(**given: Any) -> ServiceSettings:
    """Return the settings from environment variables; arguments other than None override them.

    Raises:
        InputError: a value cannot be used, or a variable is misspelt.
    """
    _refuse_misspelt()
    try:
        return ServiceSettings(
            **{name: value for name, value in given.items() if value is not None}
        )
    except ValidationError as error:
        complaint = error.errors(include_url=False)[0]
        name = str(complaint["loc"][0])
        message = str(complaint["msg"]).removeprefix("Value error, ")
        raise InputError(
            f"{PREFIX}{name.upper()}={str(complaint['input'])[:60]} cannot be used: {message}"
        ) from error


def _refuse_misspelt() -> None:
    """Refuse misspelt variables: a misspelt PVKDB_READING would leave a service open."""
    known = [f"{PREFIX}{name.upper()}" for name in ServiceSettings.model_fields]
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.85)
            if near:
                raise InputError(f"{name} is not a setting; did you mean {near[0]}?")
