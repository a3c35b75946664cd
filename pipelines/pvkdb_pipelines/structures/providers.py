"""Structures from OPTIMADE providers: requested concurrently, checked, stored with their origin.

Nothing that a provider sends is trusted: what is not an ordered crystal of a halide perovskite is
refused with a reason. After each page the address of the next is written to a file, from which a
later call resumes.

Source: M. Evans et al., Digital Discovery 3, 1509 (2024), doi:10.1039/D4DD00039K (OPTIMADE 1.2).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import numpy as np
from ase import Atoms
from pydantic import BaseModel, FiniteFloat, ValidationError
from sqlalchemy.orm import Session

from pvkdb.chemistry.formulas.sum_formula import composition_of_atoms
from pvkdb.client._io.answers import at, outside_reason, require_new
from pvkdb.client._io.carriers import Awaiting
from pvkdb.client._io.service import Patience, Service
from pvkdb.errors import CalculationFailedError, InputError, ServiceError, writing
from pvkdb.schemas import first_problem, parse_json
from pvkdb.store.base import replaced_file, utc_now
from pvkdb.store.database import Store
from pvkdb.store.files.structure_files import one_line
from pvkdb_pipelines.structures.user_structures import check_start, phase_of, store_start

#: Structures requested in a page.
PAGE = 100
#: Most atoms of a cell; prototypes have up to 36, ordered supercells of mixtures some hundreds.
MOST_ATOMS = 300
#: Least distance between opposite faces of a cell, Å: half a B–X distance.
_FLATTEST_ANG = 1.5
#: Repetitions of a request, seconds for one with its repetitions, and MB of an answer.
PATIENCE = Patience(retries=4, limit_s=300.0, max_answer_mb=64.0)
#: Longest pause between pages that a provider may ask for, s.
_LONGEST_DELAY_S = 60.0
#: Features of structures whose sites and occupants are not all given.
_INCOMPLETE = ("disorder", "implicit_atoms", "site_attachments", "unknown_positions")
#: Pages of the Materials Project.
_MATERIALS = "https://next-gen.materialsproject.org/materials"

_Vector = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


class _Species(BaseModel):
    name: str
    chemical_symbols: list[str]
    concentration: list[FiniteFloat]


class _Attributes(BaseModel):
    """The properties of an OPTIMADE structure that make a crystal."""

    lattice_vectors: tuple[_Vector, _Vector, _Vector]
    cartesian_site_positions: list[_Vector]
    species: list[_Species]
    species_at_sites: list[str]


_FIELDS = (*_Attributes.model_fields, "structure_features", "nperiodic_dimensions")


@dataclass
class FetchReport:
    """What came from one source.

    ``refused`` counts structures by reason; ``examples`` has one of each. ``stopped`` says why not
    everything came: a failure (``failed``) or a limit. ``finished`` is when an earlier call had
    read everything, which is then not requested again.
    """

    source: str
    provider: str = ""
    licence: str = ""
    received: int = 0
    stored: int = 0
    known: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    stopped: str = ""
    failed: bool = False
    finished: str = ""

    def keep(self, store: Store, found: Iterable[tuple[str, Any, str]]) -> None:
        """Store structures in one transaction and count them: name, OPTIMADE attributes, origin."""
        with store.session() as session:
            for name, attributes, origin in found:
                self.received += 1
                try:
                    added = _store(session, atoms_of_entry(attributes), origin)
                except InputError as error:
                    reason, _, detail = str(error).partition(": ")
                    self.refused[reason] = self.refused.get(reason, 0) + 1
                    self.examples.setdefault(reason, one_line(f"{name}: {detail}", 200))
                else:
                    self.stored += added
                    self.known += not added


def atoms_of_entry(attributes: Any) -> Atoms:
    """Return the atoms of an OPTIMADE structure, in Å.

    Raises:
        InputError: it is disordered, incomplete, or not periodic in three dimensions; the reason
            stands before the first colon.
    """
    periodic = at(attributes, "nperiodic_dimensions")
    if periodic not in (3, None):
        raise InputError(f"not periodic: in {one_line(periodic, 200)} dimensions of 3")
    features = str(at(attributes, "structure_features"))
    if found := [each for each in _INCOMPLETE if each in features]:
        raise InputError(f"disordered: it has {', '.join(found)}")
    try:
        facts = _Attributes.model_validate(attributes)
    except ValidationError as error:
        raise InputError(f"incomplete: {first_problem(error)}") from error
    for species in facts.species:
        if len(species.chemical_symbols) != 1 or abs(sum(species.concentration) - 1) > 1e-3:
            shares = zip(species.chemical_symbols, species.concentration, strict=False)
            shown = ", ".join(f"{element} {share:g}" for element, share in shares)
            raise InputError(f"disordered: site {species.name} is occupied by {shown}")
    elements = {species.name: species.chemical_symbols[0] for species in facts.species}
    if not 0 < len(facts.species_at_sites) == len(facts.cartesian_site_positions):
        raise InputError("incomplete: it has different numbers of sites and positions, or none")
    try:
        symbols = [elements[name] for name in facts.species_at_sites]
        positions = np.array(facts.cartesian_site_positions)
        return Atoms(symbols, positions, cell=np.array(facts.lattice_vectors), pbc=True)
    except KeyError as error:
        raise InputError(f"incomplete: {one_line(error, 200)} is not a known element") from error


def _store(session: Session, atoms: Atoms, origin: str) -> bool:
    """Store a structure, and return whether the store lacked it.

    Raises:
        InputError: it is not a usable crystal of a halide perovskite or a relative; the reason
            comes before the first colon.
    """
    if len(atoms) > MOST_ATOMS:
        raise InputError(f"too large: {len(atoms):,} atoms in the cell; at most {MOST_ATOMS}")
    reason = "not a halide perovskite"
    try:
        composition = composition_of_atoms(Counter(atoms.get_chemical_symbols()))
        if composition.family == "undetermined" or not composition.balanced:
            balance = "" if composition.balanced else ", charges do not balance"
            raise InputError(f"{composition.formula}, family {composition.family}{balance}")
        reason = "unusable geometry"
        check_start(atoms, composition.formula)
        if atoms.cell.reciprocal().lengths().max() > 1 / _FLATTEST_ANG:
            raise InputError(f"{composition.formula} has a cell thinner than {_FLATTEST_ANG} Å")
        reason = "unclear phase"
        phase = phase_of(atoms, composition)
    except (InputError, CalculationFailedError) as error:
        raise InputError(f"{reason}: {error}") from error
    return store_start(session, atoms, composition, phase, origin)[1]


def fetch_structures(
    store: Store,
    filter: str,
    urls: Iterable[str],
    *,
    progress: Path,
    pages: int = 100,
    minutes: float = 30.0,
    patience: Patience = PATIENCE,
    show: Callable[[FetchReport], None] = lambda report: None,
) -> list[FetchReport]:
    """Store the structures that match a filter at OPTIMADE providers, and return what came.

    All providers are asked concurrently; the failure of one is in its report. After a failure or a
    limit, the next call with the same store, filter and provider resumes with the next page.

    Args:
        store: The store.
        filter: Filter in the language of OPTIMADE.
        urls: Base URLs, with or without ``/v1``.
        progress: File with the next page of each provider, until all have been read to the end.
        pages: Most pages of a provider, of about :data:`PAGE` structures each.
        minutes: Time after which no further page is requested.
        patience: Limits of one request.
        show: Called after each page.

    Raises:
        InputError: an address or the file of the progress cannot be used.
        DatabaseError: the store cannot be reached.
    """
    kept = _read_progress(progress)
    made = [_Provider(url, patience) for url in urls]
    providers = [*{each.url: each for each in made}.values()]
    keys = {each.url: f"{store.name} {filter} {each.url}" for each in providers}
    end = time.monotonic() + 60 * minutes

    def take(report: FetchReport, entries: list[Any], following: str | None) -> None:
        now = _now()
        after = f"fetched {now}, licence {report.licence or 'not stated'}"
        names = [one_line(at(entry, "id") or "without id", 200) for entry in entries]
        address = f"{report.source}/structures"
        origins = [f"{report.provider}: {n}, {address}/{quote(n)}, {after}" for n in names]
        attributes = [at(entry, "attributes") for entry in entries]
        report.keep(store, zip(names, attributes, origins, strict=True))
        kept[keys[report.source]] = {"next": following} if following else {"finished": now}
        _write_progress(progress, kept)
        show(report)

    async def fetch(provider: _Provider, turn: asyncio.Lock) -> FetchReport:
        before = kept.get(keys[provider.url], {})
        report = FetchReport(provider.url, finished=before.get("finished", ""))
        link = None if report.finished else before.get("next") or provider.first(filter)
        left = pages
        try:
            if link:
                report.provider, report.licence = await provider.describe()
            while link and not report.stopped:
                entries, link, delay_s = await provider.page(link)
                async with turn:  # SQLite has one writer
                    await asyncio.to_thread(take, report, entries, link)
                left -= 1
                if link and not left:
                    report.stopped = f"limit of {pages} pages"
                elif link and time.monotonic() + delay_s > end:
                    report.stopped = f"limit of {minutes:g} minutes"
                elif link:
                    await asyncio.sleep(delay_s)
        except ServiceError as error:
            report.stopped, report.failed = one_line(error, 500), True
        finally:
            await provider.close()
        return report

    async def fetch_all() -> list[FetchReport]:
        turn = asyncio.Lock()
        return await asyncio.gather(*(fetch(provider, turn) for provider in providers))

    reports = asyncio.run(fetch_all())
    if not any(report.stopped for report in reports):
        _write_progress(progress, {k: v for k, v in kept.items() if k not in keys.values()})
    return reports


def read_documents(store: Store, path: Path) -> FetchReport:
    """Store the structures in a JSON file of summary documents of the Materials Project.

    Raises:
        InputError: the file cannot be read, or holds no list.
        DatabaseError: the store cannot be reached.
    """
    try:
        documents = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(documents, list):
        raise InputError(f"{path} has no list of documents; write those that mp-api returns")
    report = FetchReport(str(path), "Materials Project", "as each document says, or CC-BY-4.0")
    report.keep(store, map(_of_document, documents))
    return report


def _of_document(document: Any) -> tuple[str, dict[str, Any], str]:
    """Return name, structure as OPTIMADE has it (a species for each site), and origin."""
    name = one_line(at(document, "material_id") or "without id", 200)
    hull = at(document, "energy_above_hull")
    above = f"{hull:g} eV/atom above the hull, " if isinstance(hull, int | float) else ""
    commercial = at(document, "builder_meta", "license") != "BY-NC"
    licence = "CC-BY-4.0" if commercial else "CC-BY-NC-4.0"
    address = f"{_MATERIALS}/{quote(name)}"
    origin = f"Materials Project: {name}, {address}, {above}read {_now()}, licence {licence}"
    sites = at(document, "structure", "sites")
    try:
        cell = np.array(at(document, "structure", "lattice", "matrix"), dtype=float)
        positions = np.array([site["abc"] for site in sites], dtype=float) @ cell
        species = [
            {
                "name": str(number),
                "chemical_symbols": [str(each["element"]) for each in site["species"]],
                "concentration": [each["occu"] for each in site["species"]],
            }
            for number, site in enumerate(sites)
        ]
    except (KeyError, TypeError, ValueError):
        return name, {}, origin  # which is refused as incomplete
    found = {"lattice_vectors": cell.tolist(), "cartesian_site_positions": positions.tolist()}
    names = [each["name"] for each in species]
    return name, {**found, "species": species, "species_at_sites": names}, origin


class _Provider(Awaiting):
    """Requests to the host of one OPTIMADE provider, retried while it is busy."""

    def __init__(self, url: str, patience: Patience) -> None:
        service = Service(url, None, patience, progress=False)
        self.url = service.url if service.url.endswith("/v1") else f"{service.url}/v1"
        self.origin = _origin(httpx.URL(self.url))
        http = httpx.AsyncClient(
            headers=service.headers,
            timeout=60,
            follow_redirects=True,
            event_hooks={"request": [self._require_own_origin]},  # also on each redirect
        )
        super().__init__(service, http)
        self.close = http.aclose
        self._seen: set[str] = set()

    async def describe(self) -> tuple[str, str]:
        """Return the name of the provider, and its licence as far as it states one."""
        _, document = await self._read(f"{self.url}/info")
        name, prefix = (at(document, "meta", "provider", key) for key in ("name", "prefix"))
        about = at(document, "data", "attributes")
        stated = [at(about, f"available_licenses{end}") for end in ("_for_entries", "")]
        licences = dict.fromkeys(str(x) for each in stated if isinstance(each, list) for x in each)
        page = at(about, "license", "href") or at(about, "license")
        named = f"{name or self.url}{f' ({prefix})' if prefix else ''}"
        return one_line(named, 200), one_line(" or ".join(licences) or page or "", 200)

    def first(self, filter: str) -> str:
        """Return the address of the first page."""
        query = {"filter": filter, "response_fields": ",".join(_FIELDS), "page_limit": PAGE}
        return f"{self.url}/structures?{urlencode(query)}"

    async def page(self, link: str) -> tuple[list[Any], str | None, float]:
        """Return the entries of a page, the address of the next, and the pause before it in s."""
        response, document = await self._read(link)
        entries, following = at(document, "data"), at(document, "links", "next")
        if not isinstance(entries, list) or len(entries) > 20 * PAGE:
            raise ServiceError(f"{response.url} has no list of at most {20 * PAGE} entries")
        following = at(following, "href") or following
        delay = at(document, "meta", "request_delay")
        delay_s = min(max(delay, 0.0), _LONGEST_DELAY_S) if isinstance(delay, int | float) else 0.0
        if not following or not entries:
            return entries, None, delay_s
        try:
            address = response.url.join(str(following))
        except httpx.InvalidURL as error:
            raise ServiceError(f"{response.url} gives no usable next page: {error}") from error
        if _origin(address) != self.origin:
            raise ServiceError(f"{response.url} gives a next page elsewhere: {_origin(address)}")
        require_new(str(address), self._seen, response)
        return entries, str(address), delay_s

    async def _require_own_origin(self, request: httpx.Request) -> None:
        if (found := _origin(request.url)) != self.origin:
            raise ServiceError(f"{self.url} leads elsewhere: {found}; if you trust it, name it")

    async def _read(self, link: str) -> tuple[httpx.Response, Any]:
        try:
            response = await self._run(self._service.read(link))
            return response, parse_json(response.content)
        except ValueError as error:
            raise ServiceError(f"{response.url} did not answer with JSON: {error}") from error
        except ServiceError as error:
            raise ServiceError(outside_reason(error), error.status) from error


def _origin(url: httpx.URL) -> str:
    """Return scheme, host and port of an address; a port that the scheme implies is left out."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _now() -> str:
    return utc_now().isoformat(timespec="seconds")


def _read_progress(path: Path) -> dict[str, dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else "{}"
        return {key: dict(each) for key, each in json.loads(text).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path} has no progress of earlier calls ({error}); delete it") from error


def _write_progress(path: Path, kept: dict[str, dict[str, str]]) -> None:
    with writing(path):
        with replaced_file(path) as file:
            file.write(json.dumps(kept, indent=1).encode())
        if not kept:
            path.unlink()
