"""Opening a local database as a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.client import Client
from pvkdb.errors import MissingExtraError

if TYPE_CHECKING:
    from pvkdb.local.transport import InProcess

#: Stands where a service has its address; nothing listens there.
ADDRESS = "http://localhost"


class LocalClient(Client):
    """A client whose service runs in this process."""

    def __init__(self, name: str, transport: InProcess, progress: bool) -> None:
        super().__init__(ADDRESS, retries=0, patience_s=0, progress=progress, transport=transport)
        self._name = name

    @property
    def url(self) -> str:
        """The address of the database, without its password."""
        return self._name

    def __repr__(self) -> str:
        return f"<LocalClient of {self._name}>"


def open_store(url: str, progress: bool = False) -> LocalClient:
    """A local database with every method of :class:`~pvkdb.client.Client`, without a server.

    Args:
        url: of the database, e.g. ``sqlite:///pvkdb.sqlite``, as for ``--database``.
        progress: whether to show progress where a call does not say.

    Raises:
        MissingExtraError: what the service needs is not installed.
        NotMigratedError: the database lacks the tables of this version; names the remedy.
        DatabaseError: the database cannot be reached, or the URL cannot be understood.

    Example:
        >>> import pvkdb
        >>> with pvkdb.open_store("sqlite:///pvkdb.sqlite") as store:
        ...     store.devices.count(family="3D") > 0
        True
    """
    try:
        from pvkdb.local.transport import InProcess
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "pvkdb":
            raise
        raise MissingExtraError(package, "api") from error
    transport = InProcess(url)
    return LocalClient(transport.store.name, transport, progress)
