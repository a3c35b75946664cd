"""Errors of OPTIMADE requests, with the status that the specification gives them."""

from __future__ import annotations

from pvkdb.errors import InputError


class OptimadeError(InputError):
    """A request that cannot be answered; ``parameter`` is the query parameter at fault."""

    status = 400
    title = "Bad Request"

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class FilterError(OptimadeError):
    """A filter that cannot be read, or that compares values of different types."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "filter")


class TooManyError(OptimadeError):
    """More entries on a page than the service allows."""

    status = 403
    title = "Forbidden"


class UnsupportedError(FilterError):
    """A filter with an optional part of the specification that is not supported."""

    status = 501
    title = "Not Implemented"


class VersionError(OptimadeError):
    """A major version of OPTIMADE that is not served."""

    status = 553
    title = "Version Not Supported"
