"""Exceptions for the error responses of a service.

Each is a subclass of an exception in :mod:`pvkdb.errors`, so that the same ``except`` handles
errors of the client and of the service::

    PvkdbError
    ├── InputError
    │   └── RefusedError          400, 413, 415, 422: a parameter or the body cannot be used
    ├── NotFoundError
    │   └── UnknownKeyError       404, 410: the requested entry does not exist
    └── ServiceError
        ├── NotAllowedError       401, 403: no valid key, or a key without the required scope
        ├── ConflictError         409, 412: not possible in the current state
        ├── RateLimitedError      429: too many requests; see ``retry_after_s``
        └── UnavailableError      502, 503, 504, or no response

``problem`` holds the service's description of the problem (RFC 9457), if there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.errors import InputError, NotFoundError, PvkdbError, ServiceError

if TYPE_CHECKING:
    from pvkdb.schemas.responses import Problem


class _AnsweredError(PvkdbError):
    def __init__(
        self, message: str, status: int | None = None, problem: Problem | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem


class RefusedError(_AnsweredError, InputError):
    """The service cannot use a parameter (named by ``parameter``) or the body of a request."""

    problem: Problem

    @property
    def parameter(self) -> str | None:
        """The name of the parameter, if the problem is a parameter."""
        return self.problem.parameter


class UnknownKeyError(_AnsweredError, NotFoundError):
    """The requested entry does not exist."""

    problem: Problem


class NotAllowedError(_AnsweredError, ServiceError):
    """The API key is missing, invalid, or lacks the required scope."""


class ConflictError(_AnsweredError, ServiceError):
    """The request is not possible in the current state, e.g. cancelling what is done."""


class UnavailableError(_AnsweredError, ServiceError):
    """The service could not be reached or is overloaded, also after retrying."""


class RateLimitedError(_AnsweredError, ServiceError):
    """Too many requests; ``retry_after_s``: seconds to wait, if the service names them."""

    retry_after_s: float | None = None
