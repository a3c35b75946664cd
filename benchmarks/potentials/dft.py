"""DFT single points on a potential's path: CsPbBr3 with a bromine vacancy, charge 0 and +1.

    python benchmarks/potentials/dft.py                  # SSSP's cutoffs, Γ: half an hour of a core
    python benchmarks/potentials/dft.py --cutoff 25 150  # cheaper: about 6 minutes
    python benchmarks/potentials/dft.py --estimate       # what it would cost; nothing is run

Each single point is a calculation of a database of its own: what is done is never done again, and
an interrupted run goes on from where it was. After each of them the page and its numbers are
written (docs/validation/dft.md, dft.json). Processor times are those of pw.x in one process.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import CalculationDocument, PotentialName
from pvkdb.schemas.calculations.dft import DftPathRequest, DftScfRequest, DftScfResult, DftSettings
from pvkdb.schemas.calculations.migration import NebRequest, NebResult
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb_pipelines.dft.requests import barrier_request
from pvkdb_pipelines.work.cores import one_thread_each
from pvkdb_pipelines.work.worker import Worker
from validation.dft import page as dft_page
from validation.dft.hops import computed
from validation.pages import FOLDER, ROOT

IMAGES = ("start", "saddle")


def main() -> None:
    """Compute what is missing, and write the page after each point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--potential", default=PotentialName.SEVENNET_0.value)
    parser.add_argument("--cutoff", nargs=2, type=float, metavar="RY", help="wave, density")
    parser.add_argument("--charges", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--database", type=Path, default=ROOT / "dft-benchmark.sqlite")
    parser.add_argument("--docs", type=Path, default=FOLDER)
    parser.add_argument("--estimate", action="store_true", help="say the cost and stop")
    chosen = parser.parse_args()
    cutoff = tuple(chosen.cutoff) if chosen.cutoff else (40.0, 320.0)  # lead's of SSSP
    for charge in chosen.charges:
        low, high = dft_page.estimated_cpu_seconds(cutoff, charge)
        _say(f"charge {charge:+d}: an estimated {low:.0f} to {high:.0f} CPU-s a single point")
    if chosen.estimate:
        return
    one_thread_each()
    store = Store(f"sqlite:///{chosen.database}")
    upgrade(store)
    Worker(store).recover()
    neb = computed(
        store,
        _submitted(store, NebRequest(formula="CsPbBr3", potential=PotentialName(chosen.potential))),
    )
    if neb.result is None:
        raise CalculationFailedError(str(neb.failure_kind), str(neb.failure_message))
    path = NebResult.model_validate(neb.result)
    hop = path.limiting.hop
    numbers = dft_page.DftNumbers(
        material=f"{path.formula} {path.phase}",
        defect=path.defect,
        potential=chosen.potential,
        potential_barrier_ev=path.barrier_forward_ev,
        hop=f"{hop.hop_class}, {hop.start} to {hop.end}, {hop.length_ang:.2f} Å",
    )
    for charge in chosen.charges:
        settings = DftSettings(
            charge=charge, cutoff_wfc_ry=cutoff[0], cutoff_rho_ry=cutoff[1], kpoint_grid=(1, 1, 1)
        )
        for image, request in _requests(store, neb.id, settings):
            document = computed(store, _enqueued(store, request))
            numbers.points.append(_point(image, request, document))
            _write(numbers, chosen.docs)
            _say(f"charge {charge:+d}, {image}: {document.failure_kind or document.state}")
    store.close()
    print(dft_page.render(numbers, dft_page.read_hops()))


def _requests(store: Store, neb: str, settings: DftSettings) -> list[tuple[str, DftScfRequest]]:
    """The single points of one charge, each a calculation of its own."""
    with store.session() as session:
        neb_done = session.get_one(Calculation, neb)
        path = barrier_request(session, neb_done, DftPathRequest, settings)
    return [
        (
            image.name,
            DftScfRequest(
                formula=path.formula,
                phase=path.phase,
                defect=path.defect,
                parent=path.parent,
                hop=path.hop,
                settings=path.settings,
                structure=image.structure,
            ),
        )
        for image in path.images
        if image.name in IMAGES
    ]


def _submitted(store: Store, request: NebRequest) -> str:
    with store.session() as session:
        return queue.submit(session, request)[0].id


def _enqueued(store: Store, request: DftScfRequest) -> str:
    with store.session() as session:
        return queue.enqueue(session, request)[0].id


def _point(image: str, request: DftScfRequest, document: CalculationDocument) -> dft_page.Point:
    point = dft_page.Point(
        charge=request.settings.charge,
        image=image,
        settings=request.settings,
        atoms=len(request.structure.symbols),
        failure_kind=document.failure_kind,
        versions=document.versions or {},
    )
    if document.result is None:
        return point
    result = DftScfResult.model_validate(document.result)
    return point.model_copy(
        update={
            "energy_ev": result.point.energy_ev,
            "max_force_ev_per_ang": result.point.max_force_ev_per_ang,
            "scf_steps": result.point.scf_steps,
            "cpu_seconds": result.cpu_seconds,
            "wall_seconds": result.wall_seconds,
        }
    )


def _write(numbers: dft_page.DftNumbers, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = numbers.model_dump_json(indent=1) + "\n"
    (folder / "dft.json").write_text(text, encoding="utf-8")
    page = dft_page.render(numbers, dft_page.read_hops())
    (folder / "dft.md").write_text(page, encoding="utf-8")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
