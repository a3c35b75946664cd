"""Import of results that users computed: read, checked against the job, and stored once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from scipy.optimize import linear_sum_assignment
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.schemas import read_json
from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.calculations.dft import (
    DFT_REQUESTS,
    AnyDft,
    AnyDftResult,
    DftNebRequest,
    DftPathRequest,
    DftRelaxRequest,
)
from pvkdb.store.curation.computed import computed_rows
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue import claims as queue
from pvkdb_pipelines.dft.by_hand.bands import read_band
from pvkdb_pipelines.dft.by_hand.exports import JOB_FILE, ExportedJob, parts_of
from pvkdb_pipelines.dft.by_hand.foreign import ForeignRun, read_run
from pvkdb_pipelines.dft.by_hand.vasp_input import potcar_titles, vasp_files
from pvkdb_pipelines.dft.codes.pw_output import single_point
from pvkdb_pipelines.dft.computing import band_numbers, complete_result, path_numbers
from pvkdb_pipelines.dft.settings import complete_request
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of, longest, set_results
from pvkdb_pipelines.migration.paths.band import ElasticBand, check_band, measure_band
from pvkdb_pipelines.ownership import current_owner

#: Tolerance for cells and positions, Å: outputs print fewer digits than inputs.
_SAME_ANG = 0.005
#: The same for the images of a band, which users start again from where a run ended.
_NEAR_ANG = 1.0
#: Tolerances for cutoffs, Ry, and charges.
_SAME_RY = 0.01
_SAME_CHARGE = 0.01


def import_results(
    session: Session, calculation: Calculation | Structure, folder: Path
) -> Calculation:
    """Import the results of an exported folder, or of a user's run of a single structure.

    ``calculation`` is a DFT calculation, or the finished barrier or structure that was exported.
    Nothing is written if anything is wrong.

    Returns:
        The calculation that holds the result: the given one, or a new one for a barrier, a
        structure or another code.

    Raises:
        InputError: the outputs cannot be read, are not converged or differ from the job (every
            difference is listed), or the calculation has a result or is being computed.
        CalculationFailedError: the highest image of a band is no barrier.
    """
    request = _request(calculation, folder)
    runs, problems, parts = [], [], parts_of(request)
    residual, how = 0.0, ""
    if isinstance(request, DftNebRequest):
        found_runs, residual, how = read_band(folder, request)
        parts = {f"image {index}": image for index, image in enumerate(request.images)}
    else:
        found_runs = [read_run(folder / name, request.settings.engine) for name in parts]
    for (name, structure), run in zip(parts.items(), found_runs, strict=True):
        where = "" if name == "." else f"{name}: "
        found = list(_differences(request, atoms_in(structure), run))
        problems += [f"{where}{difference}" for difference in found]
        runs.append(run if found else _in_order(atoms_in(structure), run))
    if problems:
        raise InputError(f"{folder} is not this job: {'; '.join(problems)}; nothing was stored")
    result = _result(request, runs, residual, how)
    versions = {
        request.settings.engine.value: runs[0].output.version or "unknown",
        "imported": ", ".join(run.file for run in runs),
    }
    return _store(session, calculation, request, result, versions)


def _request(calculation: Calculation | Structure, folder: Path) -> AnyDft:
    """Return the DFT request whose results are in the folder, from its job file if there is one."""
    note, own = folder / JOB_FILE, None
    if isinstance(calculation, Calculation) and calculation.kind in DFT_REQUESTS:
        model = DFT_REQUESTS[calculation.kind]
        own = complete_request(model.model_validate(calculation.parameters))
    if note.is_file():
        try:
            job = read_json(ExportedJob, note.read_bytes())
        except ValueError as error:
            raise InputError(f"{note} is not a job file of pvkdb: {error}") from error
        if job.calculation != calculation.id:
            raise InputError(
                f"{folder} was written for calculation {job.calculation}, not {calculation.id}"
            )
        request = complete_request(job.parsed())
        if own is not None:
            same = request.model_copy(update={"settings": own.settings})
            if own.key() != same.key():
                raise InputError(
                    f"{note} describes another request than calculation {calculation.id}"
                )
        return request
    if own is not None:
        return own
    if isinstance(calculation, Structure):
        raise InputError(f"{folder} has no {JOB_FILE}; export structure {calculation.id} again")
    if calculation.kind == "dft-after":
        follows = (calculation.result or {}).get("calculation")
        instead = f"; it has queued {follows}" if follows else ", and its path is not computed yet"
        raise InputError(f"calculation {calculation.id} computes nothing{instead}")
    raise InputError(
        f"{folder} has no {JOB_FILE}, and a {calculation.kind} does not define how its path is "
        f"computed; begin with: pvkdb dft {calculation.id} --by-hand FOLDER"
    )


def _differences(request: AnyDft, wanted: Atoms, run: ForeignRun) -> Iterator[str]:
    """Describe the differences between a run and the job."""
    settings = request.settings
    if wanted.symbols.formula.count() != run.initial.symbols.formula.count():
        yield (
            f"{len(run.initial)} atoms {run.initial.symbols.formula.format('hill')}, the job has "
            f"{len(wanted)} atoms {wanted.symbols.formula.format('hill')}"
        )
        return
    away = float(np.abs(run.initial.cell.array - wanted.cell.array).max())
    if away > _SAME_ANG:
        yield f"the cell differs by {away:.3f} Å"
    else:
        moved = _matching(wanted, run.initial)[1]
        if moved > (_NEAR_ANG if isinstance(request, DftNebRequest) else _SAME_ANG):
            yield f"an atom lies {moved:.3f} Å from its place in the job"
    if run.charge is None or abs(run.charge - settings.charge) > _SAME_CHARGE:
        charge = "unknown" if run.charge is None else f"{run.charge:+.2f}"
        yield f"charge {charge}, the job has {settings.charge:+d}"
    for name, cutoff, wanted_ry in (
        ("wave functions", run.output.cutoff_wfc_ry, settings.cutoff_wfc_ry),
        ("density", run.output.cutoff_rho_ry, settings.cutoff_rho_ry),
    ):
        if wanted_ry is not None and (cutoff is None or abs(cutoff - wanted_ry) > _SAME_RY):
            yield f"cutoff of the {name} {cutoff} Ry, the job has {wanted_ry:g}"
    u_ev = {element: (orbital[-1], u) for element, (orbital, u) in settings.hubbard_u_ev.items()}
    for what, found, expected in (
        ("k-points", _grid(run.grid), _grid(settings.kpoint_grid)),
        ("functional", run.output.functional, settings.functional),
        ("dispersion", run.dispersion, settings.dispersion),
        ("U", run.hubbard_u_ev or "none", u_ev or "none"),
    ):
        if found != expected:
            yield f"{what} {found}, the job has {expected}"
    if settings.potcar_release is not None:
        known = potcar_titles(settings.potcar_release)
        symbols = vasp_files(request, host_of(wanted))["POTCAR.spec"].split()
        for title in run.potcars:
            if known.get(title) not in symbols:
                yield f"POTCAR {title} is none of {', '.join(symbols)} of {settings.potcar_release}"
    if run.soc != settings.soc:
        yield f"spin–orbit coupling {'on' if run.soc else 'off'}, unlike the job"
    for entry in settings.pseudopotentials:
        if run.output.pseudopotential_md5.get(entry.element) != entry.md5:
            yield f"another pseudopotential of {entry.element} than {entry.file} (MD5 {entry.md5})"
    if isinstance(request, DftRelaxRequest):
        largest = longest(run.forces)
        if not run.relaxed or largest > 1.05 * request.fmax_ev_per_ang:
            yield (
                f"the relaxation is not finished: largest force {largest:.3f} eV/Å, the job asks "
                f"for {request.fmax_ev_per_ang:g}"
            )
    elif run.steps != 1 and not isinstance(request, DftNebRequest):
        yield f"{run.steps} ionic steps, the job is a single point"


def _matching(wanted: Atoms, found: Atoms) -> tuple[np.ndarray, float]:
    """Return the atom of the run for each atom of the job, and the largest distance, Å."""
    order = np.empty(len(wanted), dtype=int)
    longest = 0.0
    for symbol in set(wanted.get_chemical_symbols()):
        ours, theirs = wanted.symbols.search(symbol), found.symbols.search(symbol)
        vectors = found.positions[theirs][None] - wanted.positions[ours][:, None]
        _, lengths = find_mic(vectors.reshape(-1, 3), wanted.cell, pbc=True)
        distances = lengths.reshape(len(ours), len(theirs))
        rows, columns = linear_sum_assignment(distances**2)
        order[np.asarray(ours)[rows]] = np.asarray(theirs)[columns]
        longest = max(longest, float(distances[rows, columns].max()))
    return order, longest


def _in_order(wanted: Atoms, run: ForeignRun) -> ForeignRun:
    """Return the run with its atoms in the order of the job."""
    order = _matching(wanted, run.initial)[0]
    return replace(
        run, initial=run.initial[order], final=run.final[order], forces=run.forces[order]
    )


def _band(request: DftNebRequest, runs: list[ForeignRun], residual: float) -> ElasticBand:
    """Return the band of the runs, its atoms where the images of the job have them."""
    ends = max(longest(run.forces) for run in (runs[0], runs[-1]))
    most = request.fmax_neb_ev_per_ang
    if residual > 1.05 * most or ends > 1.05 * max(most, request.fmax_endpoint_ev_per_ang):
        raise InputError(
            f"the band is not converged: largest force {residual:.3f} eV/Å, on the ends {ends:.3f} "
            f"eV/Å, the job asks for {most:g} and {request.fmax_endpoint_ev_per_ang:g}; run it on"
        )
    images = []
    for image, run in zip(request.images, runs, strict=True):
        atoms = atoms_in(image)
        atoms.positions += find_mic(run.final.positions - atoms.positions, atoms.cell, pbc=True)[0]
        set_results(atoms, run.energy_ev, run.forces)
        images.append(atoms)
    band = measure_band(images, residual, residual, max(run.steps for run in runs[1:-1]))
    check_band(band)
    return band


def _result(request: AnyDft, runs: list[ForeignRun], residual: float, how: str) -> AnyDftResult:
    numbers: dict[str, Any]
    if isinstance(request, DftRelaxRequest):
        (run,) = runs
        numbers = {
            "structure": host_of(run.final),
            "energy_ev": run.energy_ev,
            "max_force_ev_per_ang": longest(run.forces),
            "steps": run.steps,
        }
    elif isinstance(request, DftNebRequest):
        numbers = band_numbers(_band(request, runs, residual), how)
    else:
        images = request.images if isinstance(request, DftPathRequest) else ()
        names = [image.name for image in images] or ["structure"]
        points = [
            single_point(
                name, {"energy": run.energy_ev, "forces": run.forces, "details": run.output}
            )
            for name, run in zip(names, runs, strict=True)
        ]
        numbers = path_numbers(points) if images else {"point": points[0]}
    return complete_result(
        request,
        numbers,
        origin="imported",
        force_calls=sum(run.steps for run in runs),
        cpu_seconds=None,
        wall_seconds=None,
    )


def _store(
    session: Session,
    calculation: Calculation | Structure,
    request: AnyDft,
    result: AnyDftResult,
    versions: dict[str, str],
) -> Calculation:
    """Record the result as the end of the calculation that requested it."""
    if (
        isinstance(calculation, Calculation)
        and calculation.kind == request.kind
        and calculation.parameters["settings"]["engine"] == request.settings.engine.value
    ):
        target = calculation
    else:
        target, _ = queue.enqueue(session, request, calculation.material_id)
        session.flush()
    if target.state in (CalculationState.DONE.value, CalculationState.RUNNING.value):
        why = "has a result already" if target.state == "done" else "is being computed"
        raise InputError(f"calculation {target.id} {why}; nothing was stored")
    if target.state != CalculationState.QUEUED.value:
        queue.requeue(session, target.id)
    owner = current_owner()
    claimed = queue.claim(session, owner, target.id)
    if claimed is None:
        raise InputError(f"calculation {target.id} was just taken by a worker; nothing was stored")
    queue.finish(
        session,
        claimed.id,
        owner,
        result.model_dump(mode="json"),
        versions,
        computed_rows(session, claimed, request, result, {}),
    )
    session.refresh(claimed)
    return claimed


def _grid(grid: tuple[int, int, int] | None) -> str:
    return "unknown" if grid is None else "×".join(map(str, grid))
