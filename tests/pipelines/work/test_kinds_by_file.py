"""A result of every kind, computed by a worker, goes to another store by a file, and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.examination.requests import examination_request
from pvkdb.schemas.calculations import CalculationState, PotentialName
from pvkdb.schemas.calculations.dft import (
    DftNebRequest,
    DftPathRequest,
    DftRelaxRequest,
    DftRequest,
    DftScfRequest,
    DftSettings,
)
from pvkdb.schemas.calculations.electrons import GapRequest
from pvkdb.schemas.calculations.examinations import ExaminationQuestion, ExaminationRequest
from pvkdb.schemas.calculations.migration import NebRequest, NebResult, NebSettings
from pvkdb.schemas.calculations.relaxations import (
    ElementRequest,
    EquationOfStateRequest,
    EstimateRequest,
    RelaxSettings,
    VacancyRequest,
    VacancySettings,
)
from pvkdb.schemas.calculations.simulations import SimulationRequest
from pvkdb.simulation.devices.inputs import simulation_input
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import ImportCounts
from pvkdb.store.files.exchange import write_calculations
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.migration_requests import complete_request as complete_barrier
from pvkdb_pipelines.dft import computing
from pvkdb_pipelines.dft.codes.levels import Levels
from pvkdb_pipelines.dft.requests import after_request
from pvkdb_pipelines.dft.settings import complete_request
from pvkdb_pipelines.electrons import gaps, pairs
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.migration import dynamics
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential, Properties
from pvkdb_pipelines.prototypes import build, candidates, compound_of
from pvkdb_pipelines.relaxations.compound import relax_request
from pvkdb_pipelines.work.tasks import KINDS
from pvkdb_pipelines.work.worker import Worker

from ...pvkdb.store.files.conftest import other, shipped
from ...pvkdb.store.files.exchanging import file_of, taken, with_path, written
from ..conftest import potential_from
from ..dft.crystals import GUIDE, TRUTH, hop_request
from ..dft.test_computing import copper_path
from ..electrons.lattice import LATTICE, pair_of
from ..migration.test_dynamics import request as md_request
from ..migration.test_dynamics import walk

__all__ = ["other", "shipped"]

CHGNET = PotentialName.CHGNET
CSCL = compound_of(parse_composition("CsPbBr3"))
CUBIC = build(CSCL, "Pm-3m")
COARSE = DftSettings(cutoff_wfc_ry=30, cutoff_rho_ry=240, kpoint_grid=(1, 1, 1))
#: The atoms are copper's, whose forces are formulas; only a halide's name has rows.
NAMED: dict[str, Any] = {
    "formula": "CsPbBr3", "phase": "Pm-3m", "defect": "V_Br", "parent": "a test",
    "settings": COARSE,
}  # fmt: skip
#: Two bands at Γ, 2 eV apart.
LEVELS = Levels(np.array([[[0.0, 2.0]]]), np.zeros((1, 3)), (1,), 2)
IONS = {
    "temperature_k": 300, "thickness_nm": 100, "bias_v": 0.1, "vacancies": 1e-4,
    "e_a_ev": 0.25, "attempt_frequency_hz": 1e12,
}  # fmt: skip


def shaken(seed: int) -> Atoms:
    atoms = bulk("Cu", "fcc", a=3.61, cubic=True).repeat(2)
    atoms.rattle(0.05, seed=seed)
    return atoms


def simulation(barriers: NebResult) -> SimulationRequest:
    inputs = [simulation_input(name, at, at, "given", "given") for name, at in IONS.items()]
    return SimulationRequest(
        formula="CsPbBr3", phase="Pnma", stack="ITO/CsPbBr3/Ag", barriers=barriers, axis="b",
        inputs=tuple(inputs), scan_rates_v_per_s=(), seeds=2,
    )  # fmt: skip


#: A small request of each kind, made from a finished barrier of the store.
REQUESTS: dict[str, Callable[[Calculation], Any]] = {
    "relax": lambda _: relax_request(
        CSCL, candidates(CSCL)[0], CHGNET, RelaxSettings(fmax_ev_per_ang=0.1)
    ),
    "element": lambda _: ElementRequest(symbol="K", potential=CHGNET),
    "vacancy": lambda _: VacancyRequest(
        formula="CsPbBr3", phase="Pm-3m", halide="Br", atoms_per_formula=5, host=host_of(CUBIC),
        sites=(2,), potential=CHGNET, settings=VacancySettings(distance_ang=6, fmax_ev_per_ang=0.1),
    ),
    "equation-of-state": lambda _: EquationOfStateRequest(
        formula="CsPbBr3", phase="Pm-3m", atoms_per_formula=5, host=host_of(CUBIC),
        potential=CHGNET, points=5,
    ),
    "estimate": lambda _: EstimateRequest(
        formula="CsPbBr3", phase="Pm-3m", host=host_of(CUBIC), vacancy_ev=-130.0, potential=CHGNET,
        settings=VacancySettings(distance_ang=6, fmax_ev_per_ang=0.1),
    ),
    "neb": lambda _: complete_barrier(
        NebRequest(
            formula="CsPbBr3", phase="Pm-3m", potential=CHGNET,
            settings=NebSettings(
                images=3, recheck=False, distance_ang=8.5, fmax_cell_ev_per_ang=0.1,
                fmax_endpoint_ev_per_ang=0.1, fmax_neb_ev_per_ang=0.1,
            ),
        )
    ),
    "md": lambda _: md_request(picoseconds=0.1, settle_ps=0.02),
    "simulation": lambda barrier: simulation(NebResult.model_validate(barrier.result)),
    "dft-scf": lambda _: DftScfRequest(structure=host_of(shaken(1)), **NAMED),
    "dft-relax": lambda _: DftRelaxRequest(structure=host_of(shaken(2)), **NAMED),
    "dft-path": lambda _: DftPathRequest(images=tuple(copper_path()), **NAMED),
    "dft-hop": lambda _: hop_request(GUIDE, **NAMED),
    "dft-neb": lambda _: DftNebRequest(
        images=tuple(image.structure for image in copper_path()), **NAMED
    ),
    "gap": lambda _: GapRequest(formula="CsPbBr3", phase="Pm-3m", structure=host_of(CUBIC)),
    "pair": lambda _: pair_of(),
    "dft-after": lambda barrier: after_request(barrier, COARSE, hop=1),
}  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, emt: Potential) -> None:
    """Forces by formulas take the place of DFT, and a drawn path that of an atom of copper."""

    def force(atoms: Atoms) -> Properties:
        if "Cu" in atoms.symbols:
            return TRUTH.evaluate_many([atoms], False)[0]
        return {"energy": -1.0, "forces": np.zeros((len(atoms), 3)), "levels": LEVELS}

    def engine(name: str, settings: DftSettings) -> Potential:
        return potential_from(force, "Cu", "Cs", "Pb", "Br")

    def jumps(frames: Iterable[Any], *_: Any) -> tuple[np.ndarray, int]:
        path, hops = walk(np.random.default_rng(2), 60, 0)
        return path[:: (len(path) - 1) // (len(list(frames)) - 1)], hops

    monkeypatch.setenv("PVKDB_DFT_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr(computing, "load_engine", engine)
    monkeypatch.setattr(gaps, "load_engine", engine)
    monkeypatch.setattr(pairs, "metered", lambda _, *rest: metered(LATTICE, *rest))
    monkeypatch.setattr(computing, "load_potential", lambda name: GUIDE)
    monkeypatch.setattr(dynamics, "metered", lambda _, *rest: metered(emt, *rest))
    monkeypatch.setattr(dynamics, "vacancy_path", jumps)


def examinations(session: Session) -> Sequence[ExaminationRequest]:
    """Weights that are read later, and behaviours of a compact model."""
    copied = ExaminationQuestion(device="PCM", task="inference", seeds=1, epochs=1, at_s=(1e4,))
    return [examination_request(session, copied.model_copy(update={"assume_ideal": True}))]


def computed(store: Store, request: Any) -> None:
    """Queue a request as the commands do, and let a worker compute it."""
    with store.session() as session:
        material = None
        if isinstance(request, DftRequest):
            request = complete_request(request)
        if request.kind in ("neb", "pair") or request.kind.startswith("dft"):
            composition = parse_composition(request.formula)
            material = register_material(session, composition, request.phase).id
        name = queue.enqueue(session, request, material)[0].id
    document = Worker(store).run(name)
    assert document.state is CalculationState.DONE, document.failure_message


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] * (kind in ("neb", "examine"))) for kind in KINDS],
)
def test_a_result_of_every_kind_comes_back_by_a_file(kind, empty_store, other, tmp_path, shipped):
    taken(other, file_of(tmp_path / "barrier.gz", with_path(shipped["neb"])))
    with other.session() as session:
        barrier = session.query(Calculation).one()
        requests = [REQUESTS[kind](barrier)] if kind != "examine" else examinations(session)
    for request in requests:
        computed(other, request)
    first, second = tmp_path / "first.gz", tmp_path / "second.gz"
    if kind == "dft-after":
        with other.session(read_only=True) as session:
            number, left_out = write_calculations(session, first)
        assert (number, left_out) == (1, {})  # the barrier: its DFT is not computed yet
        assert Worker(other).run() is not None
    with other.session(read_only=True) as session:
        number, left_out = write_calculations(session, first)
        kinds = {row.kind for row in session.query(Calculation)}
    assert left_out == {}
    assert kind in kinds
    assert taken(empty_store, first) == ImportCounts(new=number, known=0, other_recipe=0)
    assert written(empty_store, second) == number
    assert second.read_bytes() == first.read_bytes()
