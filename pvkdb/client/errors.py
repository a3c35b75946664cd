"""What a service answers instead of what was asked for, as exceptions.

Each is also one of :mod:`pvkdb.errors`, so that code need not care whether a value was refused
here or there::

    PvkdbError
    ├── InputError
    │   └── RefusedError          400, 413, 415, 422: a parameter or a body cannot be used
    ├── NotFoundError
    │   └── UnknownKeyError       404, 410: the service does not hold it
    └── ServiceError
        ├── NotAllowedError       401, 403: no key, a wrong one, or one without the right
        ├── ConflictError         409, 412: the state of the service does not allow it
        ├── RateLimitedError      429: too many requests; ``retry_after_s`` says when again
        └── UnavailableError      502, 503, 504, or no answer at all

The problem as the service wrote it (RFC 9457) is in ``problem``, where it wrote one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.errors import InputError, NotFoundError, ServiceError

if TYPE_CHECKING:
    from pvkdb.schemas.responses import Problem


class RefusedError(InputError):
    """The service cannot use what it was given. ``parameter`` names it, where it is one."""

    def __init__(self, message: str, status: int, problem: Problem) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem
        self.parameter = problem.parameter


class UnknownKeyError(NotFoundError):
    """The service does not hold what was asked for."""

    def __init__(self, message: str, status: int, problem: Problem) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem


class _AnsweredError(ServiceError):
    def __init__(
        self, message: str, status: int | None = None, problem: Problem | None = None
    ) -> None:
        super().__init__(message, status)
        self.problem = problem


class NotAllowedError(_AnsweredError):
    """The service wants an API key, does not know this one, or the key lacks the right."""


class ConflictError(_AnsweredError):
    """The state of the service does not allow the request, e.g. a key used for another one."""


class UnavailableError(_AnsweredError):
    """The service could not be reached, or not right now. Reading had been tried again."""


class RateLimitedError(_AnsweredError):
    """Too many requests. ``retry_after_s``: seconds the service asks to wait, where it says."""

    def __init__(
        self,
        message: str,
        status: int | None = None,
        problem: Problem | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status, problem)
        self.retry_after_s = retry_after_s
