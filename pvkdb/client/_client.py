"""The blocking and the asynchronous client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

import httpx

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, PartOf, operation
from pvkdb.client._io.progress import ProgressBar
from pvkdb.client._io.service import Patience, Service, path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._parts.calculations import AsyncCalculations, Calculations
from pvkdb.client._parts.operations import (
    AsyncCrossbars,
    AsyncKinetics,
    Crossbars,
    DirectOperations,
    Kinetics,
)
from pvkdb.client._parts.parameters import call
from pvkdb.client._parts.rankings import AsyncRankings, Rankings
from pvkdb.client._parts.screenings import AsyncScreenings, Screenings
from pvkdb.client._search.collections import (
    CollectionOf,
    ListingOf,
    RowsOf,
    collection_of,
    listing_of,
)
from pvkdb.client._search.downloads import FileFormat, download, download_snapshot
from pvkdb.client._search.pages import searches
from pvkdb.client._search.queries import FilterValue, query_of
from pvkdb.errors import InputError, unknown_name

if TYPE_CHECKING:
    from pvkdb.client.structures import AnyStructure, StructureWithCoordinates
    from pvkdb.schemas import tables
    from pvkdb.schemas.imports import ImportReport
    from pvkdb.schemas.responses import Health, SimilarStructures
    from pvkdb.schemas.tables import reviewed

TransportT = TypeVar("TransportT", httpx.BaseTransport, httpx.AsyncBaseTransport)

#: Media types of papers to import, by the ending of the file.
MEDIA_TYPES = {
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".json": "application/json",
    ".csv": "text/csv",
}


class ClientOperations(DirectOperations, Generic[TransportT]):
    """Operations shared by Client and AsyncClient."""

    _http_client: ClassVar[Callable[..., Any]]

    compositions: RowsOf[tables.CompositionsRow] = collection_of("compositions")
    materials: RowsOf[tables.MaterialsRow] = collection_of("materials")
    energetics: RowsOf[tables.EnergeticsRow] = collection_of("energetics")
    electronic: RowsOf[tables.ElectronicRow] = collection_of("electronic")
    devices: RowsOf[tables.DevicesRow] = collection_of("devices")
    device_claims: RowsOf[tables.DeviceClaimsRow] = collection_of("device_claims")
    references: RowsOf[tables.ReferencesRow] = collection_of("references")
    structures: CollectionOf[tables.StructuresRow, StructureWithCoordinates] = collection_of(
        "structures", "pvkdb.client.structures:StructureWithCoordinates"
    )
    ions: ListingOf[tables.IonsRow] = listing_of("ions")
    conduction: RowsOf[reviewed.ConductionRow] = collection_of("conduction")
    applications: ListingOf[tables.ApplicationsRow] = listing_of("applications")
    processing: RowsOf[reviewed.ProcessingRow] = collection_of("processing")
    array_challenges: ListingOf[reviewed.ArrayChallengesRow] = listing_of("array_challenges")
    test_protocols: ListingOf[reviewed.TestProtocolsRow] = listing_of("test_protocols")
    benchmark_datasets: ListingOf[reviewed.BenchmarkDatasetsRow] = listing_of("benchmark_datasets")
    calculations = PartOf(Calculations, AsyncCalculations)
    screenings = PartOf(Screenings, AsyncScreenings)
    rankings = PartOf(Rankings, AsyncRankings)
    crossbars = PartOf(Crossbars, AsyncCrossbars)
    kinetics = PartOf(Kinetics, AsyncKinetics)

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        timeout: float = 30,
        retries: int = 3,
        patience_s: float = 120,
        progress: bool = False,
        transport: TransportT | None = None,
        limit_s: float = 600,
        max_answer_mb: float = 1000,
    ) -> None:
        """Create a client; sends no request.

        Args:
            url: address of the service, e.g. ``http://127.0.0.1:8000``; default: ``PVKDB_URL``.
            api_key: API key, if the service requires one; default: ``PVKDB_API_KEY``, where the
                address is that of ``PVKDB_URL``.
            timeout: seconds to wait for a response.
            retries: how often a request is repeated when the service cannot be reached or answers
                with status 429, 502, 503 or 504.
            patience_s: for how many seconds a request is repeated that continues something: the
                next page, a download, waiting for a calculation.
            progress: default of ``progress`` in all calls.
            transport: replaces the network, e.g. in tests.
            limit_s: most seconds for a request with its repetitions and the whole of its response.
            max_answer_mb: largest size of an unpacked response in MB, also of a downloaded file.

        Raises:
            InputError: the address, the key or a number cannot be used.
        """
        patience = Patience(retries, patience_s, limit_s, max_answer_mb)
        service = Service(url, api_key, patience, progress)
        http = self._http_client(
            base_url=service.url, headers=service.headers, timeout=timeout, transport=transport
        )
        super().__init__(service, http)

    def table(self, name: str) -> Any:
        """Return a list of rows by its name: for tables that other packages add.

        Raises:
            InputError: there is no such table here; names the nearest one.

        Example:
            >>> client.table("ions").count()
            800
        """
        from pvkdb.schemas.tables import TABLES

        if name not in TABLES:
            raise InputError(unknown_name("table", name, TABLES))
        part: Any = listing_of(name)
        return part.__get__(self, type(self))

    @operation
    def similar_structures(self, structure: AnyStructure) -> Steps[SimilarStructures]:
        """Return whether a structure is a known phase, has a known prototype, or is new.

        Args:
            structure: path of a CIF or POSCAR, or a structure of pymatgen, ASE or this service.

        Raises:
            InputError: the structure cannot be read, or its primitive cell is too large.
            MissingExtraError: pymatgen is not installed.

        Example:
            >>> found = client.similar_structures(client.structures.get("s1"))
            >>> found.verdict, found.matches[0].structure
            ('known phase', 's1')
        """
        from pvkdb.client.structures import host_of, to_pymatgen

        cif = str(to_pymatgen(host_of(structure)).to(fmt="cif"))
        return call(self._service, "similar_structures", {"cif": cif})

    @operation
    def export(
        self,
        /,
        name: str,
        format: Literal["csv", "json", "parquet", "bibtex", "ris", "csl"] = "csv",
        **filters: FilterValue,
    ) -> Steps[bytes]:
        """Return a table as the bytes of a file; for large tables use :meth:`download`.

        Args:
            name: name of the table.
            format: kind of file; BibTeX, RIS and CSL-JSON are of ``references`` alone.
            **filters: those of a search in the table; none for all rows.

        Raises:
            NotFoundError: the table does not exist; names the nearest one.
            InputError: the format does not exist, or a filter cannot be used.

        Example:
            >>> client.export("conduction").decode().partition(",")[0]
            'mechanism'
            >>> client.export("references", "bibtex", row="d-t4-r14").decode()[:9]
            '@article{'
        """
        parts = yield from searches(self._service, name, query_of(filters))
        if len(parts) != 1:
            raise InputError("a list among the filters is empty or too long for one file")
        query = {**parts[0], "format": format}
        answer = yield from self._service.read(path_of("export", name), query)
        return answer.content

    @operation
    def download(
        self, name: str, path: Path | str, format: FileFormat = "csv", progress: bool | None = None
    ) -> Steps[Path]:
        """Download a whole table to a file, which appears when it is complete.

        Collections are downloaded page by page as CSV or JSON lines, so that little memory is
        used. If the service restarts, the client waits for it; if the program is stopped, the same
        call resumes from ``NAME.part``. If the data change meanwhile, the download starts again.

        Args:
            name: name of the table, as for :meth:`export`.
            path: path of the file; an existing file is replaced at the end.
            format: csv, jsonl (collections), json or parquet.
            progress: whether to show a progress bar on standard error.

        Raises:
            NotFoundError: the table does not exist; names the nearest one.
            InputError: the format does not exist.
            ServiceError: the service cannot be reached, or the data keep changing.

        Example:
            >>> path = client.download("references", "references.csv")
            >>> path.read_text(encoding="utf-8").count("\\nr")
            402
        """
        shown = self._service.progress if progress is None else progress
        with ProgressBar(name, shown) as bar:
            return (yield from download(self._service, name, Path(path), format, bar))

    @operation
    def snapshot(self, path: Path | str) -> Steps[Path]:
        """Download the whole dataset, all tables of one moment; its digest is checked.

        Args:
            path: path of the file, which is replaced if it exists: ``.sqlite`` for the SQLite file
                alone, otherwise a ZIP archive with SQLite, Parquet, description and licence.

        Raises:
            ServiceError: the service cannot be reached, or the file was damaged on its way.

        Example:
            >>> path = client.snapshot("pvkdb.zip")
            >>> import zipfile
            >>> "parquet/devices.parquet" in zipfile.ZipFile(path).namelist()
            True
        """
        return (yield from download_snapshot(self._service, Path(path)))

    @operation
    def import_papers(
        self,
        document: Path | str | Mapping[str, Any],
        dry_run: bool = False,
        *,
        idempotency_key: str | None = None,
    ) -> Steps[ImportReport]:
        """Add a paper: checked, without duplicates, completely or not at all.

        Args:
            document: a file (.yaml, .json, or .csv of one table), or the paper itself as a
                mapping: ``{"reference": {...}, "energetics": [{...}], "devices": [{...}]}``.
            dry_run: whether to report what would change without changing anything.
            idempotency_key: your own key, if the program itself may be run twice.

        Raises:
            RefusedError: a value cannot be used; ``problem.problems`` lists every place.
            NotAllowedError: the service requires an API key with the scope ``import``.

        Example:
            >>> paper = {"reference": {"key": "doe2026", "title": "Ions", "year": 2026,
            ...     "authors": ["J. Doe"], "journal": "J. Ex.", "doi": "10.1000/doe"}}
            >>> client.import_papers(paper, dry_run=True).counts["references"].added
            1
        """
        from pvkdb.schemas.imports import ImportReport

        name, media_type, content = _read_paper(document)
        query = {"name": name, "dry_run": str(dry_run).lower()}
        answer = yield from self._service.write(
            path_of("import"), content, idempotency_key, parameters=query, media_type=media_type
        )
        return parse(ImportReport, answer)

    @operation
    def call(self, name: str, /, **fields: Any) -> Steps[Any]:
        """Return the result of any operation, also of one that another package adds.

        Args:
            name: name of the operation.
            fields: fields of its request.

        Raises:
            InputError: the operation is unknown here, or a value cannot be used.

        Example:
            >>> client.call("crossbar", on_off_ratio=1e3, size=4).exact[0].size
            4
        """
        return call(self._service, name, fields)

    @operation
    def health(self) -> Steps[Health]:
        """Return the health of the service; sent once, without retries.

        Raises:
            ServiceError: the service is not healthy or cannot be reached.

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


class Client(ClientOperations[httpx.BaseTransport], Blocking):
    """Client of a pvkdb service. Use it as a context manager, or close it.

    Example:
        >>> import pvkdb
        >>> with pvkdb.Client("http://127.0.0.1:8000") as client:
        ...     for device in client.devices.search(endurance_cycles=(1e6, None))[:2]:
        ...         print(device.id, device.structure)
        d-t4-...
    """

    _http_client = httpx.Client

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncClient(ClientOperations[httpx.AsyncBaseTransport], Awaiting):
    """Client of a pvkdb service for asyncio or trio: :class:`Client` with ``await``.

    Example:
        >>> import asyncio, pvkdb
        >>> async def both() -> list[float]:
        ...     async with pvkdb.AsyncClient("http://127.0.0.1:8000") as client:
        ...         calls = map(client.tolerance, ["CsPbI3", "CsPbBr3"])
        ...         return [round(row.t, 2) for row in await asyncio.gather(*calls)]
        >>> asyncio.run(both())
        [0.85, 0.86]
    """

    _http_client = httpx.AsyncClient

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


def _read_paper(document: Path | str | Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the name, media type and content of a paper."""
    if isinstance(document, Mapping):
        try:
            return (
                "paper",
                "application/json",
                json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1),
            )
        except (TypeError, ValueError) as error:
            raise InputError(f"the paper cannot be sent as JSON: {error}") from error
    path = Path(document)
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        known = ", ".join(MEDIA_TYPES)
        raise InputError(f"{path.name!r} cannot be imported; its name must end in {known}")
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise InputError(f"{path} cannot be read: {reason}") from error
    name = re.sub(r"[^A-Za-z0-9_-]", "-", path.stem)[:60].lstrip("-_") or "paper"
    return name, media_type, content
