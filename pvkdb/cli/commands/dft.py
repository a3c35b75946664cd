"""``pvkdb gap``, ``dft``, ``export-inputs``, ``import-results``: DFT, in the queue or by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from typer import Argument, Option

from pvkdb.cli.operations import with_fields
from pvkdb.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonOption,
    RetryOption,
    open_store,
)
from pvkdb.cli.output.composition_tables import print_gaps
from pvkdb.cli.output.console import messages, print_json, print_message, show
from pvkdb.errors import CalculationFailedError, InputError, NotFoundError, unknown_name

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pvkdb.schemas.calculations.dft import AnyDft, DftAfterRequest, DftSettings
    from pvkdb.schemas.calculations.relaxations import CalculationRequest
    from pvkdb.store.database import Store
    from pvkdb_pipelines.dft.by_hand.exports import Code

#: Names of the limits in the request of a method.
_LIMITS = {
    "relax": {"fmax": "fmax_ev_per_ang", "max_steps": "max_steps"},
    "neb": {"fmax": "fmax_neb_ev_per_ang", "max_steps": "max_steps_neb"},
    "hop": {"fmax": "fmax_ev_per_ang", "max_steps": "max_force_calls"},
}

#: Fields of the settings that are no options here: fixed, found, or of single commands.
_NOT_OFFERED = (
    *("engine", "charge", "correction", "scf_threshold_ry", "scf_max_steps"),
    *("mixing_beta", "pseudopotentials"),
)


def gap(
    formula: Annotated[str, Argument(help="Composition, e.g. CsPbBr3.")],
    phase: Annotated[
        str | None, Option(help="Of --compute, e.g. Pnma; default: measured, else likeliest.")
    ] = None,
    compute: Annotated[
        bool, Option("--compute", help="By PBE (pw.x), relaxed by SevenNet-0: a minute to hours.")
    ] = False,
    retry: RetryOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Show band gaps: measured, by fractions, and by DFT."""
    from pvkdb._extras import require
    from pvkdb.chemistry import parse_composition
    from pvkdb.store.collections import ELECTRONIC

    composition = parse_composition(formula)
    if phase is not None and not compute:
        raise InputError(f"--phase {phase} chooses what --compute computes; add --compute")
    if compute:
        require("screening")
    store = open_store(database, create=compute)
    if compute:
        _compute_gap(store, composition.formula, phase, retry)
    with store.session(read_only=True) as session:
        rows = [*ELECTRONIC.iterate(session, {"material": (composition.formula,)})]
    show(rows, json, lambda found: print_gaps(composition.formula, found))


def _compute_gap(store: Store, formula: str, phase: str | None, retry: bool) -> None:
    """Relax a composition and compute its gap, unless the store has that of the phase.

    Raises:
        CalculationFailedError: one of the two has failed.
    """
    from pvkdb.cli.commands.barriers import obtain
    from pvkdb.schemas.calculations import PotentialName
    from pvkdb.schemas.calculations.electrons import GapQuestion
    from pvkdb.schemas.calculations.relaxations import RelaxQuestion
    from pvkdb.store.collections import ELECTRONIC
    from pvkdb.store.files.relaxation_requests import gap_request, relax_request

    question = RelaxQuestion(formula=formula, phase=phase, potential=PotentialName.SEVENNET_0)

    def done(request: CalculationRequest) -> str:
        (found,), _ = obtain(store, [request], retry)
        if found.state != "done":
            raise CalculationFailedError(
                str(found.failure_kind), f"{found.failure_message} (calculation {found.id})"
            )
        return found.id

    with store.session(read_only=True) as session:
        relaxation = relax_request(session, question)
        known = ELECTRONIC.iterate(session, {"material": (formula,), "method": ("DFT",)})
        if not retry and relaxation.phase in {row.phase for row in known}:
            return
    asked = GapQuestion(relaxation=done(relaxation))
    with store.session(read_only=True) as session:
        request = gap_request(session, asked)
    done(request)


@with_fields("pvkdb.schemas.calculations.dft:DftSettings", without=_NOT_OFFERED)
def dft(
    key: Annotated[
        str,
        Argument(
            metavar="ID",
            help="Id of a barrier or a structure. For an unfinished barrier, the DFT "
            "calculation waits for it.",
        ),
    ],
    method: Annotated[
        str,
        Option(
            help="For a barrier: path (default; single points on its path), hop (ends and saddle "
            "point relaxed) or neb. For a structure: scf (default), relax, or neb with --to."
        ),
    ] = "",
    vacancy: Annotated[
        int | None, Option(min=0, help="Index of an atom to remove, from 0.")
    ] = None,
    to: Annotated[
        str | None, Option(metavar="ID", help="Structure at the other end of a neb.")
    ] = None,
    cell: Annotated[bool, Option("--cell", help="Relax the cell, too.")] = False,
    lattice: Annotated[
        str | None, Option(metavar="ID", help="Relaxed by DFT: its cell replaces the potential's.")
    ] = None,
    fmax: Annotated[
        float | None, Option(help="Largest force, eV/Å; default: relax 0.03, hop and neb 0.05.")
    ] = None,
    max_steps: Annotated[
        int | None, Option(help="Most steps of relax, neb (100); calls a structure, hop (40).")
    ] = None,
    engine: Annotated[str, Option(help="espresso, cp2k, gpaw or vasp.")] = "espresso",
    by_hand: Annotated[
        Path | None,
        Option(metavar="FOLDER", help="Write inputs to run yourself (espresso, vasp), queue none."),
    ] = None,
    pseudopotentials: Annotated[
        Path | None, Option(metavar="FOLDER", help="Own files for espresso in place of SSSP's.")
    ] = None,
    charge: Annotated[
        list[int] | None,
        Option(help="Charge of the cell; default: 0; repeat for several jobs."),
    ] = None,
    hop: Annotated[
        int | None, Option(min=1, help="Hop of a barrier; default: the limiting hop.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
    **settings: Any,
) -> None:
    """Queue DFT for `pvkdb work`, or write inputs (--by-hand)."""
    from pvkdb.store.queue.claims import enqueue
    from pvkdb.store.rows.from_models import calculation_document
    from pvkdb_pipelines.dft.codes.sssp import files_in
    from pvkdb_pipelines.dft.requests import on_lattice

    if by_hand is not None and len(charge or []) > 1:
        raise InputError("--by-hand writes one job; name one charge")
    if pseudopotentials is not None:
        functional, soc = settings.get("functional", "PBE"), bool(settings.get("soc"))
        settings["pseudopotentials"] = files_in(pseudopotentials, functional, soc)
    documents = []
    with open_store(database).session(read_only=by_hand is not None) as session:
        for value in charge or [0]:
            complete = _settings(engine=engine, charge=value, **settings)
            limits = {"fmax": fmax, "max_steps": max_steps, "cell": cell or None}
            request, material = _request(session, key, method, complete, hop, vacancy, to, limits)
            if lattice is not None:
                request = on_lattice(session, request, lattice)
            if by_hand is not None:
                _write(request, key, by_hand, json)
                return
            after = [] if request.kind != "dft-after" else [request.barrier]
            calculation, new = enqueue(session, request, material, depends_on=after)
            session.flush()
            documents.append((calculation_document(calculation), new, request))
    if json:
        print_json([document for document, _, _ in documents])
        return
    for document, new, request in documents:
        state = document.state if new else f"already {document.state}"
        if document.state in ("failed", "cancelled"):
            state += f" (repeat: pvkdb jobs retry {document.id})"
        print_message(f"{state}  {document.id}  {_in_words(request)}")
        _print_remarks(_remarks(request))


def export_inputs(
    key: Annotated[str, Argument(metavar="ID", help="Id of queued or failed DFT.")],
    code: Annotated[
        str, Option("--for", metavar="CODE", help="espresso or vasp; default: as queued.")
    ] = "",
    output: Annotated[
        Path | None,
        Option("--output", "-o", metavar="FOLDER", help="Folder; default: dft-ID-CODE."),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write inputs of queued DFT, to run by hand.

    For what is not queued: pvkdb dft --by-hand.
    """
    from pvkdb.schemas.calculations.dft import DFT_REQUESTS
    from pvkdb.store.queue.jobs import find
    from pvkdb_pipelines.dft.by_hand.exports import CODES, converted

    if code and code not in CODES:
        raise InputError(unknown_name("code with input files", code, CODES))
    with open_store(database).session(read_only=True) as session:
        calculation = find(session, key)
        key, kind = calculation.id, calculation.kind
        if kind not in DFT_REQUESTS:
            raise InputError(
                f"a {kind} does not define how it is computed by DFT; write inputs for it with: "
                f"pvkdb dft {key} --engine {code or 'espresso'} --by-hand FOLDER"
            )
        request = DFT_REQUESTS[kind].model_validate(calculation.parameters)
    request = converted(request, cast("Code", code or request.settings.engine.value))
    _write(request, key, output or Path(f"dft-{key}-{request.settings.engine}"), json)


def _write(request: AnyDft | DftAfterRequest, key: str, folder: Path, json: bool) -> None:
    from pvkdb_pipelines.dft.by_hand.exports import export_inputs as write

    if request.kind == "dft-after":
        raise InputError(f"{key} has no path yet; wait, e.g. with: pvkdb jobs follow {key}")
    files = write(request, key, folder)
    if json:
        print_json({"folder": str(folder), "files": [str(file) for file in files]})
        return
    print_message(f"wrote {folder}: {_in_words(request)}")
    _print_remarks(_remarks(request))
    messages().print(f"run it as its README.md explains; then: pvkdb import-results {key} {folder}")


def import_results(
    key: Annotated[str, Argument(metavar="ID", help="Id that the inputs were written for.")],
    folder: Annotated[Path, Argument(metavar="FOLDER", help="Folder with the outputs.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Store results of DFT run by hand. They are checked against the request."""
    from pvkdb.store.models.structures import Structure
    from pvkdb.store.queue.jobs import find
    from pvkdb.store.rows.from_models import calculation_document
    from pvkdb_pipelines.dft.by_hand.imports import import_results as store_results

    with open_store(database).session() as session:
        exported = session.get(Structure, key) or find(session, key)
        calculation = store_results(session, exported, folder)
        document = calculation_document(calculation)
    if json:
        print_json(document)
        return
    result = document.result or {}
    messages().print(f"stored as the result of calculation {document.id} (imported)")
    if "barrier_forward_ev" in result:
        messages().print(
            f"barrier {result['barrier_forward_ev']:.3f} eV forward, "
            f"{result['barrier_reverse_ev']:.3f} eV reverse"
        )
    _print_remarks(result.get("remarks", []))


def _request(
    session: Session,
    key: str,
    method: str,
    settings: DftSettings,
    hop: int | None,
    vacancy: int | None,
    to: str | None,
    limits: dict[str, float | None],
) -> tuple[AnyDft | DftAfterRequest, str | None]:
    """Return the request, and the id of its material."""
    from pvkdb.store.models.calculations import Calculation
    from pvkdb.store.models.structures import Structure
    from pvkdb_pipelines.dft import requests
    from pvkdb_pipelines.dft.requests import after_request, is_pending_barrier

    if method and method not in requests.METHODS:
        raise InputError(unknown_name("method", method, requests.METHODS))
    named = _LIMITS.get(method, {})
    given = {named.get(name, name): value for name, value in limits.items() if value is not None}
    if given and not named:
        raise InputError("--fmax, --max-steps and --cell require --method relax, neb or hop")
    chosen: Any = method
    request: AnyDft | DftAfterRequest
    calculation = session.get(Calculation, key)
    if calculation is not None:
        if method in ("scf", "relax") or vacancy is not None:
            example = "once it is done" if is_pending_barrier(calculation) else "e.g."
            raise InputError(
                f"{key} is a calculation; compute its path with --method path, hop or neb. For "
                f"scf, relax and --vacancy name a structure, {example} {key}-host"
            )
        if is_pending_barrier(calculation):
            request = after_request(calculation, settings, hop, chosen or "path", **given)
        else:
            model = requests.ON_PATHS[method or "path"]
            request = requests.barrier_request(session, calculation, model, settings, hop, **given)
        return request, calculation.material_id
    structure = session.get(Structure, key)
    if structure is None:
        raise NotFoundError(
            f"neither a calculation nor a structure has the id {key!r}; list structures with: "
            "pvkdb export structures"
        )
    if method == "neb" and to is not None:
        request = requests.band_between(session, structure, to, settings, **given)
        return request, structure.material_id
    if method in ("path", "neb", "hop") or hop is not None:
        raise InputError(
            f"{key} is a structure; use --method scf, relax, or neb with --to, without --hop"
        )
    request = requests.structure_request(structure, settings, chosen or "scf", vacancy, **given)
    return request, structure.material_id


def _settings(**given: Any) -> DftSettings:
    """Return the DFT settings that the given options describe."""
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations.dft import DftSettings

    values = {name: value for name, value in given.items() if value is not None}
    if "kpoint_grid" in values:
        values["kpoint_grid"] = _grid(values["kpoint_grid"])
    if values.get("charge"):
        if "dielectric_constant" in values:
            values["correction"] = "makov-payne"
    else:  # a neutral cell has no correction, and its content key must not contain one
        values.pop("dielectric_constant", None)
        values.pop("dielectric_source", None)
    return validated(DftSettings, values)


def _grid(text: str) -> tuple[int, ...]:
    words = text.replace("x", " ").replace("×", " ").replace(",", " ").split()
    if len(words) != 3 or not all(word.isdigit() for word in words):
        raise InputError(f"--kpoints {text!r} is not a grid; write e.g. 2x2x2")
    return tuple(int(word) for word in words)


def _in_words(request: AnyDft | DftAfterRequest) -> str:
    from pvkdb.store.curation.computed import describe_charge, describe_settings

    if request.kind == "dft-after":
        charge = describe_charge(request.settings.charge)
        return f"dft-{request.method} of {request.formula}, {charge}, after {request.barrier}"
    hop = None if request.hop is None else f"hop {request.hop}"
    subject = filter(None, (request.formula, request.phase, request.defect, hop))
    charge = describe_charge(request.settings.charge)
    return f"{request.kind} {' '.join(subject)}, {charge}: {describe_settings(request.settings)}"


def _remarks(request: AnyDft | DftAfterRequest) -> list[str]:
    from pvkdb_pipelines.dft.hops import why_too_small
    from pvkdb_pipelines.dft.settings import remarks_on, structures_of

    if request.kind == "dft-after":
        return []  # they depend on structures that are not computed yet
    remarks = remarks_on(request.settings, structures_of(request)[0])
    if request.kind == "dft-hop" and (too_small := why_too_small(request)):
        remarks.append(f"it will make no barrier: {too_small}")
    return remarks


def _print_remarks(remarks: list[str]) -> None:
    for remark in remarks:
        print_message(f"note: {remark}")
