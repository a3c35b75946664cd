"""The client itself."""

from __future__ import annotations

from types import TracebackType
from typing import Literal
from urllib.parse import quote

import httpx

from pvkdb.client._answers import parse
from pvkdb.client._calculations import Calculations
from pvkdb.client._collections import Collection
from pvkdb.client._connection import API, Connection
from pvkdb.client._crossbars import Crossbars
from pvkdb.client._kinetics import Kinetics
from pvkdb.client._rankings import Rankings
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.responses import Health
from pvkdb.schemas.tables import (
    CalculationsRow,
    DeviceClaimsRow,
    DevicesRow,
    EnergeticsRow,
    MaterialsRow,
    ReferencesRow,
    StructureDocument,
    StructuresRow,
    ToleranceRow,
)


class Client:
    """A pvkdb service, from Python. Use it as a context manager, or close it.

    Example:
        >>> with Client("http://127.0.0.1:8000") as client:  # doctest: +SKIP
        ...     for device in client.devices.search(endurance_cycles=(1e6, None)):
        ...         print(device.id, device.structure)
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        timeout: float = 30,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            url: address of the service, e.g. ``http://127.0.0.1:8000``.
            api_key: key for services that ask for one.
            timeout: seconds to wait for an answer.
            retries: how often reading is repeated when the service cannot be reached or answers
                with status 429, 502, 503 or 504. Writing is never repeated.
            transport: replaces the network, e.g. in tests.

        Raises:
            InputError: the address or the key cannot be used.
        """
        connection = Connection(url, api_key, timeout, retries, transport)
        self._connection = connection
        self.materials = Collection(connection, "materials", MaterialsRow, MaterialsRow)
        self.energetics = Collection(connection, "energetics", EnergeticsRow, EnergeticsRow)
        self.devices = Collection(connection, "devices", DevicesRow, DevicesRow)
        self.device_claims = Collection(
            connection, "device_claims", DeviceClaimsRow, DeviceClaimsRow
        )
        self.references = Collection(connection, "references", ReferencesRow, ReferencesRow)
        self.structures = Collection(connection, "structures", StructuresRow, StructureDocument)
        self.calculations = Calculations(
            connection, "calculations", CalculationsRow, CalculationDocument
        )
        self.rankings = Rankings(connection)
        self.crossbars = Crossbars(connection)
        self.kinetics = Kinetics(connection)

    def tolerance(self, formula: str) -> ToleranceRow:
        """Tolerance factors of an ABX3 formula in any spelling, with the radii behind them.

        Raises:
            InputError: the formula cannot be used, or an ion has no radius with a source.
        """
        path = f"{API}/tolerance/{quote(formula, safe='')}"
        return parse(ToleranceRow, self._connection.get(path))

    def export(self, name: str, format: Literal["csv", "json", "parquet"] = "csv") -> bytes:
        """A whole table as the bytes of a file.

        Raises:
            NotFoundError: there is no such table; names the nearest one.
            InputError: there is no such format.
        """
        path = f"{API}/export/{quote(name, safe='')}"
        return self._connection.get(path, {"format": format}).content

    def health(self) -> Health:
        """Whether the service can do its work; asked once, whatever ``retries`` says.

        Raises:
            ServiceError: it cannot, or it cannot be reached.
        """
        return parse(Health, self._connection.get("/healthz", retries=0))

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self._connection.url}>"
