"""``pvkdb dft``, ``export-inputs`` and ``import-results``: the last tier, queued or by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json
from pvkdb.errors import InputError, NotFoundError, unknown_name

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pvkdb.schemas.calculations.dft import AnyDft, DftAfterRequest, DftSettings
    from pvkdb.store.models.calculations import Calculation
    from pvkdb_pipelines.dft.by_hand.exports import Code

#: What the limits of a method are called in its request.
_LIMITS = {
    "relax": {"fmax": "fmax_ev_per_ang", "max_steps": "max_steps"},
    "neb": {"fmax": "fmax_neb_ev_per_ang", "max_steps": "max_steps_neb"},
}

_Charges = Annotated[
    list[int] | None,
    typer.Option("--charge", help="Charge of the cell; several make several jobs. Default: 0."),
]
_Charge = Annotated[int | None, typer.Option("--charge", help="Charge of the cell; default: 0.")]
_Hop = Annotated[
    int | None, typer.Option("--hop", min=1, help="Hop of a barrier; default: the limiting one.")
]
_Cutoff = Annotated[
    float | None,
    typer.Option("--cutoff", help="Of the wave functions, Ry; default: what SSSP recommends."),
]
_Density = Annotated[
    float | None, typer.Option("--density-cutoff", help="Of the density, Ry; default: likewise.")
]
_Grid = Annotated[str, typer.Option("--kpoints", metavar="N N N", help="Grid, e.g. '2 2 2'.")]
_Spacing = Annotated[
    float | None, typer.Option("--spacing", help="Or its density: largest distance, 1/Å (0.3).")
]
_Smearing = Annotated[
    str, typer.Option("--smearing", help="gaussian (default), cold, fermi-dirac or fixed.")
]
_Width = Annotated[float | None, typer.Option("--width", help="Of the smearing, eV (0.05).")]
_Moment = Annotated[
    float | None, typer.Option("--moment", help="Spin-polarised with this total moment, μB.")
]
_Soc = Annotated[bool, typer.Option("--soc", help="Spin–orbit coupling (vasp).")]
_Dielectric = Annotated[
    float | None,
    typer.Option("--dielectric", help="Static dielectric constant, for Makov and Payne's term."),
]
_DielectricSource = Annotated[
    str, typer.Option("--dielectric-source", help="Where that constant is from.")
]


def dft(
    key: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A barrier, or a structure of the store. Of a barrier that is not computed yet "
            "the DFT waits for it.",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="Of a barrier: path (default; single points on its path) or neb. Of a structure: "
            "scf (default) or relax.",
        ),
    ] = "",
    vacancy: Annotated[
        int | None,
        typer.Option("--vacancy", min=0, help="Atom of the structure to take out, from 0."),
    ] = None,
    fmax: Annotated[
        float | None, typer.Option("--fmax", help="Force to reach, eV/Å (relax 0.03, neb 0.05).")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", help="Steps of the relaxation or the band (100).")
    ] = None,
    engine: Annotated[str, typer.Option("--engine", help="espresso, gpaw or vasp.")] = "espresso",
    charge: _Charges = None,
    hop: _Hop = None,
    cutoff: _Cutoff = None,
    density_cutoff: _Density = None,
    kpoints: _Grid = "",
    spacing: _Spacing = None,
    smearing: _Smearing = "",
    width: _Width = None,
    moment: _Moment = None,
    soc: _Soc = False,
    dielectric: _Dielectric = None,
    dielectric_source: _DielectricSource = "",
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Queue the DFT of a barrier or a structure; `pvkdb work` computes it."""
    from pvkdb.store.queue.claims import enqueue
    from pvkdb.store.rows.from_models import calculation_document

    documents = []
    with open_store(database).session() as session:
        for value in charge or [0]:
            settings = _settings(
                engine=engine,
                charge=value,
                cutoff_wfc_ry=cutoff,
                cutoff_rho_ry=density_cutoff,
                kpoint_grid=_grid(kpoints),
                kpoint_spacing_per_ang=spacing,
                smearing=smearing or None,
                smearing_width_ev=width,
                magnetization_mub=moment,
                soc=soc or None,
                dielectric_constant=dielectric,
                dielectric_source=dielectric_source or None,
            )
            limits = {"fmax": fmax, "max_steps": max_steps}
            request, material = _asked(session, key, method, settings, hop, vacancy, limits)
            after = [] if request.kind != "dft-after" else [request.barrier]
            calculation, new = enqueue(session, request, material, depends_on=after)
            session.flush()
            documents.append((calculation_document(calculation), new, request))
    if json:
        print_json([document.model_dump(mode="json") for document, _, _ in documents])
        return
    for document, new, request in documents:
        state = document.state if new else f"known, {document.state}"
        if document.state in ("failed", "cancelled"):
            state += f" (again: pvkdb jobs retry {document.id})"
        messages().print(f"{state}  {document.id}  {_in_words(request)}", markup=False)
        for remark in _remarks(request):
            messages().print(f"note: {remark}", markup=False)


def export_inputs(
    key: Annotated[
        str, typer.Argument(metavar="ID", help="A queued DFT calculation, or a finished barrier.")
    ],
    code: Annotated[
        str, typer.Option("--for", metavar="CODE", help="espresso or vasp; default: the job's.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Default: dft-ID-CODE.")
    ] = None,
    charge: _Charge = None,
    hop: _Hop = None,
    cutoff: _Cutoff = None,
    density_cutoff: _Density = None,
    kpoints: _Grid = "",
    spacing: _Spacing = None,
    smearing: _Smearing = "",
    width: _Width = None,
    moment: _Moment = None,
    soc: _Soc = False,
    dielectric: _Dielectric = None,
    dielectric_source: _DielectricSource = "",
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write the input folder of a DFT calculation, to be run by hand.

    Of a barrier these are single points on its path; the settings are then yours to choose. A DFT
    calculation has its own.
    """
    from pvkdb.schemas.calculations.dft import DFT_REQUESTS
    from pvkdb_pipelines.dft.by_hand.exports import CODES, converted
    from pvkdb_pipelines.dft.by_hand.exports import export_inputs as write
    from pvkdb_pipelines.dft.requests import path_request

    if code and code not in CODES:
        raise InputError(unknown_name("code with input files", code, CODES))
    chosen = {
        "charge": charge,
        "cutoff_wfc_ry": cutoff,
        "cutoff_rho_ry": density_cutoff,
        "kpoint_grid": _grid(kpoints),
        "kpoint_spacing_per_ang": spacing,
        "smearing": smearing or None,
        "smearing_width_ev": width,
        "magnetization_mub": moment,
        "soc": soc or None,
        "dielectric_constant": dielectric,
        "dielectric_source": dielectric_source or None,
    }
    with open_store(database).session(read_only=True) as session:
        calculation = _calculation(session, key)
        request: AnyDft
        if calculation.kind in DFT_REQUESTS:
            given = [name for name, value in {**chosen, "hop": hop}.items() if value is not None]
            if given:
                raise InputError(
                    f"calculation {key} has settings of its own ({', '.join(given)} cannot be "
                    "changed); queue another one with: pvkdb dft"
                )
            request = DFT_REQUESTS[calculation.kind].model_validate(calculation.parameters)
        else:
            settings = _settings(engine=code or "espresso", **chosen)
            request = path_request(session, calculation, settings, hop)
    request = converted(request, cast("Code", code or request.settings.engine.value))
    folder = output or Path(f"dft-{key}-{request.settings.engine}")
    files = write(request, key, folder)
    if json:
        print_json({"folder": str(folder), "files": [str(file) for file in files]})
        return
    messages().print(f"wrote {folder}: {_in_words(request)}", markup=False)
    for remark in _remarks(request):
        messages().print(f"note: {remark}", markup=False)
    messages().print(f"its README.md says how to run it; then: pvkdb import-results {key} {folder}")


def import_results(
    key: Annotated[str, typer.Argument(metavar="ID", help="What the folder was written for.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="With the outputs.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Take back results that were computed by hand, after checking them against the job."""
    from pvkdb.store.rows.from_models import calculation_document
    from pvkdb_pipelines.dft.by_hand.imports import import_results as take_back

    with open_store(database).session() as session:
        calculation = take_back(session, _calculation(session, key), folder)
        document = calculation_document(calculation)
    if json:
        print_json(document.model_dump(mode="json"))
        return
    result = document.result or {}
    messages().print(f"stored as the result of calculation {document.id} (imported)")
    if "barrier_forward_ev" in result:
        messages().print(
            f"barrier {result['barrier_forward_ev']:.3f} eV forward, "
            f"{result['barrier_reverse_ev']:.3f} eV reverse"
        )
    for remark in result.get("remarks", []):
        messages().print(f"note: {remark}", markup=False)


def _asked(
    session: Session,
    key: str,
    method: str,
    settings: DftSettings,
    hop: int | None,
    vacancy: int | None,
    limits: dict[str, float | None],
) -> tuple[AnyDft | DftAfterRequest, str | None]:
    """The request, and the id of its material."""
    from pvkdb.store.models.calculations import Calculation
    from pvkdb.store.models.structures import Structure
    from pvkdb_pipelines.dft import requests
    from pvkdb_pipelines.dft.deferred import after_request, is_pending_barrier

    if method and method not in requests.METHODS:
        raise InputError(unknown_name("method", method, requests.METHODS))
    named = _LIMITS.get(method, {})
    given = {named.get(name, name): value for name, value in limits.items() if value is not None}
    if given and not named:
        raise InputError("--fmax and --max-steps belong to --method relax or neb")
    calculation = session.get(Calculation, key)
    if calculation is not None:
        if method in ("scf", "relax") or vacancy is not None:
            example = "once it is done" if is_pending_barrier(calculation) else "e.g."
            raise InputError(
                f"{key} is a calculation, whose path is computed with --method path or neb; for "
                f"scf, relax and --vacancy name a structure, {example} {key}-host"
            )
        if is_pending_barrier(calculation):
            if method == "neb":
                after = after_request(calculation, settings, hop, "neb", **given)
            else:
                after = after_request(calculation, settings, hop)
            return after, calculation.material_id
        if method == "neb":
            band = requests.neb_request(session, calculation, settings, hop, **given)
            return band, calculation.material_id
        path = requests.path_request(session, calculation, settings, hop)
        return path, calculation.material_id
    structure = session.get(Structure, key)
    if structure is None:
        raise NotFoundError(
            f"neither a calculation nor a structure has the id {key!r}; pvkdb export structures "
            "lists them"
        )
    if method in ("path", "neb") or hop is not None:
        raise InputError(f"{key} is a structure: --method scf or relax, and no --hop")
    chosen: Any = method or "scf"
    return (
        requests.structure_request(structure, settings, chosen, vacancy, **given),
        structure.material_id,
    )


def _calculation(session: Session, key: str) -> Calculation:
    from pvkdb.store.models.calculations import Calculation

    found = session.get(Calculation, key)
    if found is None:
        raise NotFoundError(f"no calculation has the id {key!r}; pvkdb export calculations")
    return found


def _settings(**given: Any) -> DftSettings:
    """Settings of the options that were given."""
    from pvkdb.schemas.calculations.dft import DftSettings
    from pvkdb_pipelines.dft.requests import validated

    values = {name: value for name, value in given.items() if value is not None}
    if values.get("charge"):
        if "dielectric_constant" in values:
            values["correction"] = "makov-payne"
    else:  # a neutral cell needs no correction, and its key should not name one
        values.pop("dielectric_constant", None)
        values.pop("dielectric_source", None)
    return validated(DftSettings, values)


def _grid(text: str) -> tuple[int, ...] | None:
    if not text:
        return None
    words = text.replace("x", " ").replace("×", " ").replace(",", " ").split()
    if len(words) != 3 or not all(word.isdigit() for word in words):
        raise InputError(f"--kpoints {text!r} is no grid; write e.g. '2 2 2'")
    return tuple(int(word) for word in words)


def _in_words(request: AnyDft | DftAfterRequest) -> str:
    from pvkdb_pipelines.dft.record import describe_charge, describe_settings

    if request.kind == "dft-after":
        charge = describe_charge(request.settings.charge)
        return f"dft-{request.method} of {request.formula}, {charge}, after {request.barrier}"
    hop = None if request.hop is None else f"hop {request.hop}"
    subject = filter(None, (request.formula, request.phase, request.defect, hop))
    charge = describe_charge(request.settings.charge)
    return f"{request.kind} {' '.join(subject)}, {charge}: {describe_settings(request.settings)}"


def _remarks(request: AnyDft | DftAfterRequest) -> list[str]:
    from pvkdb_pipelines.dft.settings import remarks_on, structures_of

    if request.kind == "dft-after":
        return []  # they depend on structures that are yet to come
    return remarks_on(request.settings, structures_of(request)[0])
