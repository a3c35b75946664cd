"""Errors of OPTIMADE requests, with the status that the specification gives them."""

from __future__ import annotations

from pvkdb.errors import InputError


class OptimadeError(InputError):
    """A request that cannot be answered; ``parameter`` is the query parameter at fault."""

    status, title = 400, "Bad Request"

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class FilterError(OptimadeError):
    """A filter that cannot be read, or that compares values of different types."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "filter")


class UnsupportedError(FilterError):
    """A filter with an optional part of the specification that is not supported."""

    status, title = 501, "Not Implemented"


class TooManyError(OptimadeError):
    """More entries on a page than the service allows."""

    status, title = 403, "Forbidden"


class VersionError(OptimadeError):
    """A major version of OPTIMADE that is not served."""

    status, title = 553, "Version Not Supported"
