"""What can be wrong with a request, with the status that OPTIMADE gives it."""

from __future__ import annotations

from pvkdb.errors import InputError


class RefusedError(InputError):
    """A request that cannot be answered.

    ``parameter`` is the query parameter that it is about.
    """

    status = 400
    title = "Bad Request"

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class TooManyError(RefusedError):
    """More entries on a page than the service gives at once."""

    status = 403
    title = "Forbidden"


class UnsupportedError(RefusedError):
    """An optional part of the specification that is not supported."""

    status = 501
    title = "Not Implemented"


class VersionError(RefusedError):
    """A major version of OPTIMADE that is not served."""

    status = 553
    title = "Version Not Supported"
