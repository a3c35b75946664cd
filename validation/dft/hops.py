"""Barriers by DFT from the paths of a potential: docs/validation/dft_hops.json and the page dft.md.

    python -m validation.dft.hops                 # every case that is not done, the cheapest first
    python -m validation.dft.hops --list          # what is done of each case; the page names it
    python -m validation.dft.hops --only CsPbBr3  # the cases of one material
    python -m validation.dft.hops --mark          # which of the kept hops have a barrier, again
    python -m validation.dft.hops --large         # larger cells, in docs/validation/barriers/
    python -m validation.dft.hops --page-only

A hop takes 6 to 13 force calls of one to four minutes of one core, and 50 to 150 where octahedra
tilt. Each call is kept at once in docs/validation/dft_hops/, the paths of the potential and the
finished hops are kept there too, in a file of `pvkdb jobs export`: run again, on this machine or
another, it goes on from there. Then `python -m validation.migration.make --page-only` and
`validation/calibration/make.py` compare potentials with them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, select

from pvkdb.schemas.calculations import CalculationDocument, PotentialName
from pvkdb.schemas.calculations.dft import DftHopRequest, DftHopResult, DftSettings, Engine
from pvkdb.schemas.calculations.migration import NebRequest, NebResult, NebSettings
from pvkdb.store.curation.computed import computed_rows
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.files.exchange import write_calculations
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.queue import claims as queue
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.dft.codes.runs import RunLocation
from pvkdb_pipelines.dft.hops import apart_ang, read_checkpoint, why_no_hop
from pvkdb_pipelines.dft.requests import barrier_request
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.work.cores import one_thread_each
from pvkdb_pipelines.work.worker import Worker
from validation.barrier_cases import Case, cases_for, reported
from validation.dft import convergence
from validation.dft import page as dft_page
from validation.dft.page import Hop, Hops
from validation.pages import FOLDER, ROOT


@dataclass(frozen=True, slots=True)
class HopCase:
    """The limiting hop of a halide vacancy at a charge.

    ``cutoff_ry`` is that of waves and density; ``max_force_calls`` is for each structure;
    ``distance_ang`` is the least distance of the vacancy from its images. ``off_gamma`` is for what
    Γ alone gets wrong: k-points of 2×2×2, half a step off it.
    """

    formula: str
    phase: str
    charge: int
    cutoff_ry: tuple[float, float] = (30.0, 200.0)
    max_force_calls: int = 40
    code: Engine = Engine.ESPRESSO
    distance_ang: float = 10.0
    supercell: str | None = None
    off_gamma: bool = False

    @property
    def name(self) -> str:
        """Shown in the table and kept with the numbers."""
        far = f" {self.distance_ang:g} Å" if self.distance_ang != 10 else ""
        grid = " 2×2×2" if self.off_gamma else ""
        return f"{self.formula} {self.phase} {self.charge:+d}{far}{grid}"

    @property
    def path(self) -> NebRequest:
        """The path of a potential that the hop starts from."""
        settings = NebSettings(
            distance_ang=self.distance_ang,
            supercell=self.supercell,
            recheck=self.distance_ang == 10,
        )
        return NebRequest(formula=self.formula, phase=self.phase, settings=settings)

    @property
    def settings(self) -> DftSettings:
        """Settings of the calculation.

        A positive vacancy has an even number of electrons and a gap: fixed occupations need a sixth
        fewer bands than smeared ones, for the same energy.
        """
        if self.code is Engine.CP2K:
            return convergence.of_charge(convergence.SETTINGS[convergence.RECIPE], self.charge)
        return DftSettings(
            charge=self.charge,
            cutoff_wfc_ry=self.cutoff_ry[0],
            cutoff_rho_ry=self.cutoff_ry[1],
            kpoint_grid=(2, 2, 2) if self.off_gamma else (1, 1, 1),
            off_gamma=self.off_gamma,
            smearing="fixed" if self.charge % 2 else "gaussian",
            scf_threshold_ry=1e-7,
            mixing_beta=0.7,
        )


#: Cutoffs for lead, below those of SSSP (40/320 Ry).
_LEAD_RY = (25.0, 150.0)
#: In the order in which they run: the cheapest of those that matter most first.
CASES = (
    HopCase("CsPbBr3", "Pnma", 1, _LEAD_RY),
    HopCase("Cs2SnCl6", "Fm-3m", 1),
    HopCase("CsPbI3", "Pnma", 1, _LEAD_RY),
    HopCase("CsPbCl3", "Pnma", 1, _LEAD_RY, max_force_calls=80),
    HopCase("Cs2SnI6", "Fm-3m", 1),
    HopCase("Cs2AgBiBr6", "Fm-3m", 1, max_force_calls=80),  # 40 did not reach its saddle point
    HopCase("Cs3Sb2I9", "P-3m1", 1),
    HopCase("Cs2SnI6", "Fm-3m", 0),
    HopCase("Cs2SnCl6", "Fm-3m", 0),
    HopCase("Cs2SnBr6", "Fm-3m", 0),
    HopCase("Cs2SnBr6", "Fm-3m", 1),
    HopCase("Cs2AgInCl6", "Fm-3m", 1),
    HopCase("Cs2AgInCl6", "Fm-3m", 0),
    HopCase("CsSnI3", "Pnma", 1),
    HopCase("Cs3Sb2I9", "P6_3/mmc", 1),
)
#: Further hosts that do not tilt, without open d shells, whose densities do not converge so. What
#: larger cells change by the potentials is not computed for them.
FURTHER_CASES = (
    HopCase("Cs2NaScCl6", "Fm-3m", 1),
    HopCase("Cs2TeCl6", "Fm-3m", 1),
    HopCase("Cs2NaScCl6", "Fm-3m", 0),
    HopCase("Cs2NaInCl6", "Fm-3m", 1),
    HopCase("Cs2TeBr6", "Fm-3m", 1),
    HopCase("Cs2TeCl6", "Fm-3m", 0),
    HopCase("Rb2TeCl6", "Fm-3m", 1),
    HopCase("Cs2NaYCl6", "Fm-3m", 1),
    HopCase("Cs2TiCl6", "Fm-3m", 1),
    HopCase("Cs2NaInCl6", "Fm-3m", 0),
    HopCase("Cs2NaYBr6", "Fm-3m", 1),
    HopCase("Cs2LiYCl6", "Fm-3m", 1),
    HopCase("Cs2GeCl6", "Fm-3m", 1),
    HopCase("Cs2TiBr6", "Fm-3m", 1),
    HopCase("Cs2PbCl6", "Fm-3m", 1),
    HopCase("Cs2LiInCl6", "Fm-3m", 1),
    HopCase("Cs2LiScCl6", "Fm-3m", 1),
    HopCase("Cs2NaYCl6", "Fm-3m", 0),
    HopCase("Cs2LiInCl6", "Fm-3m", 0),
    HopCase("Cs2AgInCl6", "Fm-3m", 1, off_gamma=True),
    HopCase("Cs2SnI6", "Fm-3m", 0, off_gamma=True),
)
#: Hops in larger cells, by the distance in Å: 71 atoms with pw.x, to see what the size does to a
#: barrier of the same settings, and 159 with CP2K, which hold the tilts of their host.
LARGE_CASES = (
    HopCase("Cs2SnCl6", "Fm-3m", 1, distance_ang=14.0),
    HopCase("Cs2SnCl6", "Fm-3m", 0, distance_ang=14.0),
    *(
        HopCase(formula, "Pnma", charge, code=Engine.CP2K, distance_ang=15.5, supercell="2x2x2")
        for formula, charge in (
            *(("CsPbBr3", 1), ("CsPbI3", 1), ("CsPbCl3", 1), ("CsSnI3", 1)),
            ("CsPbI3", 0),
        )
    ),
)


@dataclass(frozen=True)
class HopSet:
    """Hops of one code, and where their files are."""

    cases: tuple[HopCase, ...]
    folder: Path
    numbers: Path
    write_page: Callable[[], None]

    @property
    def calculations(self) -> Path:
        """Paths and finished hops, a file of `pvkdb jobs export`."""
        return self.folder / "calculations.jsonl.gz"

    def read(self) -> Hops:
        """Read the numbers."""
        return dft_page.read_hops(self.numbers)

    def write(self, hops: Hops) -> None:
        """Write the numbers."""
        text = hops.model_dump_json(indent=1, exclude_none=True)
        self.numbers.write_text(text + "\n", encoding="utf-8")


def _write_page() -> None:
    page = dft_page.render(dft_page.read_numbers(), dft_page.read_hops())
    dft_page.PAGE.write_text(page, encoding="utf-8")


ESPRESSO_SET = HopSet((*CASES, *FURTHER_CASES), FOLDER / "dft_hops", dft_page.HOPS, _write_page)
LARGE_SET = HopSet(
    LARGE_CASES,
    convergence.FILE.parent,
    convergence.HOPS_FILE,
    convergence.write_page,
)


def main() -> None:
    """Compute what is missing, and write the files after each hop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="words of the name")
    parser.add_argument("--guide", default=PotentialName.SEVENNET_0.value)
    parser.add_argument("--database", type=Path, help="default: one for each set of hops")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--mark", action="store_true", help="mark again which hops have a barrier")
    parser.add_argument("--large", action="store_true", help="hops in larger cells")
    parser.add_argument("--page-only", action="store_true")
    chosen = parser.parse_args()
    hops = LARGE_SET if chosen.large else ESPRESSO_SET
    if chosen.page_only:
        hops.write_page()
        return
    store = open_store(chosen.database or ROOT / f"{hops.folder.name}.sqlite", hops)
    if chosen.mark:
        _mark(store, hops, chosen.only)
        return
    begun: dict[str, int] = {}
    for case in hops.cases:
        if not all(word in case.name.split() for word in chosen.only):
            continue
        path, request = path_and_hop(
            store, hops, case, PotentialName(chosen.guide), compute=not chosen.list
        )
        if request is None:
            _say(f"{case.name}: {path.failure_message or 'no path yet'}")
            continue
        if chosen.list:
            _say(f"{case.name}: {_force_calls(request)} force calls, {request.key()[:12]}")
            begun[case.name] = _force_calls(request)
            continue
        with store.session() as session:
            material = session.get_one(Calculation, path.id).material_id
            key = queue.enqueue(session, request, material)[0].id
        document = computed(store, key)
        _keep(hops, case, path, request, document)
        hops.write_page()
        if document.result is not None:
            _keep_calculations(store, hops)
        _say(f"{case.name}: {document.failure_message or 'done'}")
    store.close()
    if chosen.list:
        found = hops.read()
        ended = {each.name for each in found.hops}
        found.begun |= {name: calls for name, calls in begun.items() if calls}
        left = {name: calls for name, calls in found.begun.items() if name not in ended}
        hops.write(Hops(hops=found.hops, begun=left))
        hops.write_page()


def open_store(database: Path, hops: HopSet) -> Store:
    """Return a store with the kept calculations of hops; what a kill left running is queued."""
    os.environ.setdefault("PVKDB_DFT_CHECKPOINTS", str(hops.folder))
    hops.folder.mkdir(parents=True, exist_ok=True)
    one_thread_each()
    store = Store(f"sqlite:///{database}")
    upgrade(store)
    _take_calculations(store, hops)
    Worker(store).recover()
    return store


def path_and_hop(
    store: Store, hops: HopSet, case: HopCase, guide: PotentialName, *, compute: bool
) -> tuple[CalculationDocument, DftHopRequest | None]:
    """The path of the potential, and the hop on it; None without a path."""
    with store.session() as session:
        neb = case.path.model_copy(update={"potential": guide})
        key = queue.submit(session, neb)[0].id
    if not compute:
        with store.session(read_only=True) as session:
            document = calculation_document(session.get_one(Calculation, key))
    else:
        document = computed(store, key)
    if document.result is None:
        return document, None
    if compute:
        _keep_calculations(store, hops)
    with store.session(read_only=True) as session:
        calculation = session.get_one(Calculation, key)
        most = case.max_force_calls
        made = (session, calculation, DftHopRequest, case.settings)
        return document, barrier_request(*made, max_force_calls=most)


def _force_calls(request: DftHopRequest) -> int:
    return len(read_checkpoint(RunLocation.from_environment().checkpoint(request.search_key())))


def _take_calculations(store: Store, hops: HopSet) -> None:
    if hops.calculations.exists():
        with store.session() as session:
            take_calculations(session, hops.calculations)


def _keep_calculations(store: Store, hops: HopSet) -> None:
    """Write the file again, with what another run of this script has put there meanwhile."""
    _take_calculations(store, hops)
    with store.session(read_only=True) as session:
        write_calculations(session, hops.calculations)


def computed(store: Store, key: str) -> CalculationDocument:
    """Return a calculation, run now if it is not done; what failed before is tried again."""
    with store.session() as session:
        if session.get_one(Calculation, key).state in ("failed", "cancelled"):
            queue.requeue(session, key)
    done = Worker(store).run(key)
    if done is not None:
        return done
    with store.session(read_only=True) as session:
        return calculation_document(session.get_one(Calculation, key))


def _keep(
    hops: HopSet,
    case: HopCase,
    path: CalculationDocument,
    request: DftHopRequest,
    document: CalculationDocument,
) -> None:
    """Put the hop into the file of numbers, in place of an earlier one of the case."""
    neb = NebResult.model_validate(path.result)
    hop = neb.limiting.hop
    result = None if document.result is None else DftHopResult.model_validate(document.result)
    of_case = Case(case.formula, case.phase, str(request.defect))
    found = Hop(
        name=case.name,
        calculation=document.id,
        hop=f"{hop.hop_class}, {hop.start} to {hop.end}, {hop.length_ang:.2f} Å",
        settings=request.settings,
        guide=str(request.guide),
        guide_forward_ev=neb.barrier_forward_ev,
        guide_reverse_ev=neb.barrier_reverse_ev,
        literature=[
            f"{row.as_printed or row.value_min_ev} ({row.references or row.source})"
            for row in reported()
            if of_case in cases_for(row)
        ],
        result=result,
        apart_ang=None if result is None else _apart_ang(request, result),
        # Without the last lines of the program, which name places of this machine.
        failure=(document.failure_message or "").partition(" End of its output")[0] or None,
        force_calls=_force_calls(request),
        versions=document.versions or {},
    )
    before = hops.read()
    kept = [each for each in before.hops if each.name != case.name]
    order = [each.name for each in hops.cases]
    kept = sorted([*kept, found], key=lambda each: order.index(each.name))
    begun = {name: calls for name, calls in before.begun.items() if name != case.name}
    hops.write(Hops(hops=kept, begun=begun))


def _apart_ang(request: DftHopRequest, result: DftHopResult) -> float:
    return round(max(apart_ang(request, result.points).values()), 3)


def _mark(store: Store, hops: HopSet, only: list[str]) -> None:
    """Mark the kept hops that have no barrier, by the rule of new ones and by their k-points."""
    found = hops.read()
    names = {hop.calculation: hop.name for hop in found.hops}
    with store.session() as session:
        kept = select(Calculation).where(Calculation.kind == "dft-hop", Calculation.state == "done")
        for calculation in session.scalars(kept):
            name = names.get(calculation.id, "")
            if not all(word in name.split() for word in only):
                continue
            request = DftHopRequest.model_validate(calculation.parameters)
            result = DftHopResult.model_validate(calculation.result)
            calls = read_checkpoint(RunLocation.from_environment().checkpoint(request.search_key()))
            why = why_no_hop(request, result, calls, load_potential(request.guide))
            why = why or convergence.too_few_kpoints(name)
            _say(f"{name}: {why or 'a barrier'}")
            result = result.model_copy(update={"not_converged": why})
            calculation.result = result.model_dump(mode="json")
            own = Energetic.calculation_id == calculation.id
            if why is not None:
                session.execute(delete(Energetic).where(own))
            elif session.scalar(select(Energetic).where(own)) is None:
                rows = computed_rows(session, calculation, request, result, {})
                session.add_all(row for row in rows if isinstance(row, Energetic))
            for hop in found.hops:
                if hop.calculation == calculation.id:
                    hop.result, hop.apart_ang = result, _apart_ang(request, result)
    with store.session(read_only=True) as session:
        write_calculations(session, hops.calculations)
    hops.write(found)
    hops.write_page()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
