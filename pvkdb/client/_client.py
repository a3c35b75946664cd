"""The client, and its asynchronous twin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

import httpx

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, Operations, operation
from pvkdb.client._io.progress import progress_of
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._parts.calculations import AsyncCalculations, Calculations
from pvkdb.client._parts.crossbars import AsyncCrossbars, Crossbars
from pvkdb.client._parts.kinetics import AsyncKinetics, Kinetics
from pvkdb.client._parts.rankings import AsyncRankings, Rankings
from pvkdb.client._parts.screenings import AsyncScreenings, Screenings
from pvkdb.client._search.collections import CollectionOf, ListingOf
from pvkdb.client._search.downloads import FileFormat, download

if TYPE_CHECKING:
    from pvkdb.client.structures import StructureWithCoordinates
    from pvkdb.schemas.imports import ImportReport
    from pvkdb.schemas.responses import FormulaTolerance, Health
    from pvkdb.schemas.tables import (
        ApplicationsRow,
        DeviceClaimsRow,
        DevicesRow,
        EnergeticsRow,
        IonsRow,
        MaterialsRow,
        ReferencesRow,
        StructuresRow,
        ToleranceRow,
    )
    from pvkdb.schemas.tables.reviewed import (
        ArrayChallengesRow,
        BenchmarkDatasetsRow,
        ConductionRow,
        ProcessingRow,
        TestProtocolsRow,
    )

BlockingT = TypeVar("BlockingT")
AwaitingT = TypeVar("AwaitingT")

#: Formulas in one request; the most that the service takes.
FORMULAS = 1000


class _PartOf(Generic[BlockingT, AwaitingT]):
    """An attribute of both clients, of the kind that fits each."""

    def __init__(
        self,
        blocking: Callable[[Service, Any], BlockingT],
        awaiting: Callable[[Service, Any], AwaitingT],
    ) -> None:
        self._blocking = blocking
        self._awaiting = awaiting

    @overload
    def __get__(self, instance: Blocking, owner: object) -> BlockingT: ...

    @overload
    def __get__(self, instance: Awaiting, owner: object) -> AwaitingT: ...

    @overload
    def __get__(self, instance: None, owner: object) -> _PartOf[BlockingT, AwaitingT]: ...

    def __get__(self, instance: Any, owner: object) -> Any:
        if instance is None:
            return self
        kind: Callable[[Service, Any], Any]
        kind = self._blocking if isinstance(instance, Blocking) else self._awaiting
        return kind(instance._service, instance._http)


class ClientOperations(Operations):
    """What both clients can do."""

    materials: CollectionOf[MaterialsRow, MaterialsRow] = CollectionOf("materials")
    energetics: CollectionOf[EnergeticsRow, EnergeticsRow] = CollectionOf("energetics")
    devices: CollectionOf[DevicesRow, DevicesRow] = CollectionOf("devices")
    device_claims: CollectionOf[DeviceClaimsRow, DeviceClaimsRow] = CollectionOf("device_claims")
    references: CollectionOf[ReferencesRow, ReferencesRow] = CollectionOf("references")
    structures: CollectionOf[StructuresRow, StructureWithCoordinates] = CollectionOf("structures")
    ions: ListingOf[IonsRow] = ListingOf("ions")
    conduction: CollectionOf[ConductionRow, ConductionRow] = CollectionOf("conduction")
    applications: ListingOf[ApplicationsRow] = ListingOf("applications")
    processing: CollectionOf[ProcessingRow, ProcessingRow] = CollectionOf("processing")
    array_challenges: ListingOf[ArrayChallengesRow] = ListingOf("array_challenges")
    test_protocols: ListingOf[TestProtocolsRow] = ListingOf("test_protocols")
    benchmark_datasets: ListingOf[BenchmarkDatasetsRow] = ListingOf("benchmark_datasets")
    calculations = _PartOf(Calculations, AsyncCalculations)
    screenings = _PartOf(Screenings, AsyncScreenings)
    rankings = _PartOf(Rankings, AsyncRankings)
    crossbars = _PartOf(Crossbars, AsyncCrossbars)
    kinetics = _PartOf(Kinetics, AsyncKinetics)

    @operation
    def tolerance(self, formula: str) -> Steps[ToleranceRow]:
        """Tolerance factors of an ABX3 formula in any spelling, with the radii behind them.

        Raises:
            InputError: the formula cannot be used, or an ion has no radius with a source.

        Example:
            >>> round(client.tolerance("CsPbBr3").t, 3)
            0.862
        """
        from pvkdb.schemas.tables import ToleranceRow

        answer = yield from self._service.read(path_of("tolerance", formula))
        return parse(ToleranceRow, answer)

    @operation
    def tolerances(self, formulas: Iterable[str]) -> Steps[list[FormulaTolerance]]:
        """Tolerance factors of any number of formulas, in their order.

        A formula without factors says why in ``problem``.

        Example:
            >>> [row.factors is not None for row in client.tolerances(["CsPbI3", "CsPbO3"])]
            [True, False]
        """
        from pydantic import TypeAdapter

        from pvkdb.schemas.responses import ToleranceAnswer

        wanted, found = [*formulas], []
        for start in range(0, len(wanted), FORMULAS):
            body = {"formulas": wanted[start : start + FORMULAS]}
            content = TypeAdapter(dict[str, list[str]]).dump_json(body).decode()
            answer = yield from self._service.compute(path_of("tolerance"), content)
            found.extend(parse(ToleranceAnswer, answer).data)
        return found

    @operation
    def export(self, name: str, format: Literal["csv", "json", "parquet"] = "csv") -> Steps[bytes]:
        """A whole table as the bytes of a file. :meth:`download` writes large ones as they come.

        Raises:
            NotFoundError: there is no such table; names the nearest one.
            InputError: there is no such format.

        Example:
            >>> client.export("conduction").decode().partition(",")[0]
            'mechanism'
        """
        answer = yield from self._service.read(path_of("export", name), {"format": format})
        return answer.content

    @operation
    def download(
        self,
        name: str,
        path: Path | str,
        format: FileFormat = "csv",
        progress: bool | None = None,
    ) -> Steps[Path]:
        """A whole table in a file, which appears when it is complete.

        Collections come page by page as CSV or JSON lines: memory stays flat, a service that is
        restarted is waited for, and where the program itself is stopped, the same call goes on
        from ``NAME.part``. If the data changes meanwhile, the file is begun again.

        Args:
            name: of a table, as for :meth:`export`.
            path: of the file; one that stands there is replaced in the end.
            format: csv, jsonl (collections), json or parquet.
            progress: whether to show a bar on standard error.

        Raises:
            NotFoundError: there is no such table; names the nearest one.
            InputError: there is no such format.
            ServiceError: the service cannot be reached, or the data changes again and again.

        Example:
            >>> path = client.download("references", "references.csv")
            >>> path.read_text(encoding="utf-8").count("\\nr")
            402
        """
        shown = self._service.progress if progress is None else progress
        with progress_of(shown, name) as bar:
            written = yield from download(self._service, name, Path(path), format, bar)
        return written

    @operation
    def import_papers(
        self,
        document: Path | str | Mapping[str, Any],
        dry_run: bool = False,
        *,
        idempotency_key: str | None = None,
    ) -> Steps[ImportReport]:
        """Add a paper: checked, without duplicates, all of it or nothing.

        Args:
            document: a file (.yaml, .json, or .csv of one table), or the paper itself as a
                mapping: ``{"reference": {...}, "energetics": [{...}], "devices": [{...}]}``.
            dry_run: whether to say what would change, and to change nothing.
            idempotency_key: one of your own, where the program itself may be repeated.

        Raises:
            RefusedError: something in it cannot be used; ``problem.problems`` names each place.
            NotAllowedError: the service wants an API key with the scope ``import``.

        Example:
            >>> paper = {"reference": {"key": "doe2026", "title": "Ions", "year": 2026,
            ...     "authors": ["J. Doe"], "journal": "J. Ex.", "doi": "10.1000/doe"}}
            >>> client.import_papers(paper, dry_run=True).counts["references"].added
            1
        """
        from pvkdb.client._parts.imports import read_document
        from pvkdb.schemas.imports import ImportReport

        name, media_type, content = read_document(document)
        asked = {"name": name, "dry_run": str(dry_run).lower()}
        answer = yield from self._service.write(
            path_of("import"), content, idempotency_key, parameters=asked, media_type=media_type
        )
        return parse(ImportReport, answer)

    @operation
    def health(self) -> Steps[Health]:
        """Whether the service can do its work; asked once, whatever ``retries`` says.

        Raises:
            ServiceError: it cannot, or it cannot be reached.

        Example:
            >>> client.health().status
            'ok'
        """
        from pvkdb.schemas.responses import Health

        answer = yield from self._service.read_once("/healthz")
        return parse(Health, answer)

    @property
    def url(self) -> str:
        """The address of the service."""
        return self._service.url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._service.url}>"


class Client(ClientOperations, Blocking):
    """A pvkdb service, from Python. Use it as a context manager, or close it.

    Example:
        >>> import pvkdb
        >>> with pvkdb.Client("http://127.0.0.1:8000") as client:
        ...     for device in client.devices.search(endurance_cycles=(1e6, None))[:2]:
        ...         print(device.id, device.structure)
        d-t4-...
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        timeout: float = 30,
        retries: int = 3,
        patience_s: float = 120,
        progress: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            url: address of the service, e.g. ``http://127.0.0.1:8000``.
            api_key: key for services that ask for one.
            timeout: seconds to wait for an answer.
            retries: how often a request is repeated when the service cannot be reached or answers
                with status 429, 502, 503 or 504.
            patience_s: how many seconds a request is repeated that goes on with what has begun:
                the next page, a download, waiting for a calculation.
            progress: whether to show progress where a call does not say.
            transport: replaces the network, e.g. in tests.

        Raises:
            InputError: the address, the key or a number cannot be used.
        """
        service = Service(url, api_key, retries, patience_s, progress)
        http = httpx.Client(
            base_url=service.url, headers=service.headers, timeout=timeout, transport=transport
        )
        super().__init__(service, http)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient(ClientOperations, Awaiting):
    """A pvkdb service, under asyncio or trio: :class:`Client` with ``await``.

    Example:
        >>> import asyncio, pvkdb
        >>> async def both() -> list[float]:
        ...     async with pvkdb.AsyncClient("http://127.0.0.1:8000") as client:
        ...         asked = map(client.tolerance, ["CsPbI3", "CsPbBr3"])
        ...         return [round(row.t, 2) for row in await asyncio.gather(*asked)]
        >>> asyncio.run(both())
        [0.85, 0.86]
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        timeout: float = 30,
        retries: int = 3,
        patience_s: float = 120,
        progress: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet. Arguments as for :class:`Client`.

        Raises:
            InputError: the address, the key or a number cannot be used.
        """
        service = Service(url, api_key, retries, patience_s, progress)
        http = httpx.AsyncClient(
            base_url=service.url, headers=service.headers, timeout=timeout, transport=transport
        )
        super().__init__(service, http)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
