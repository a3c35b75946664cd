"""Rankings of the service."""

from __future__ import annotations

from urllib.parse import quote

from pvkdb.client._answers import parse
from pvkdb.client._connection import API, Connection
from pvkdb.schemas.rankings import Ranking
from pvkdb.schemas.responses import Page


class Rankings:
    """Which devices serve which application."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names(self) -> list[str]:
        """Applications that there are rankings for."""
        return parse(Page[str], self._connection.get(f"{API}/rankings")).data

    def get(self, application: str) -> Ranking:
        """The ranking for an application, every criterion shown.

        Raises:
            NotFoundError: there is no such application; names those that there are.
        """
        path = f"{API}/rankings/{quote(application, safe='')}"
        return parse(Ranking, self._connection.get(path))
