"""The recipes with an analytic source of forces, and requests made from stored barriers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from ase.build import bulk

from pvkdb.errors import InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import (
    DftNebRequest,
    DftNebResult,
    DftPathRequest,
    DftPathResult,
    DftScfRequest,
    DftSettings,
    PathImage,
)
from pvkdb.store.curation.computed import computed_rows
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.dft.computing import compute_dft
from pvkdb_pipelines.dft.requests import barrier_request, structure_request
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import CalculationProgress

from ..conftest import fails
from .barriers import stored_barrier, vacancy_path
from .conftest import cspbi3

#: Vacancy migration in copper with effective-medium theory lies near the measured 0.7 eV
#: (P. Ehrhart, Landolt-Börnstein III/25, 1991).
COPPER_BARRIER_EV = 0.7


def copper_path() -> list[PathImage]:
    """An atom of a 2 × 2 × 2 copper cell that moves to the vacancy beside it."""
    crystal = bulk("Cu", "fcc", a=3.61, cubic=True).repeat(2)
    hole = crystal.positions[0].copy()
    del crystal[0]
    mover = int(np.argmin(np.linalg.norm(crystal.positions - hole, axis=1)))
    images = []
    for name, share in (("start", 0.0), ("saddle", 0.5), ("end", 1.0)):
        image = crystal.copy()
        image.positions[mover] += share * (hole - crystal.positions[mover])
        images.append(PathImage(name=name, structure=host_of(image)))
    return images


def test_single_points_along_a_path_give_its_barrier(emt: Potential) -> None:
    said: list[CalculationProgress] = []
    request = DftPathRequest(formula="Cu", images=tuple(copper_path()))
    result = compute_dft(request, said.append, emt).result
    assert isinstance(result, DftPathResult)
    assert [point.name for point in result.points] == ["start", "saddle", "end"]
    assert result.highest == "saddle"
    energies = [point.energy_ev for point in result.points]
    assert result.barrier_forward_ev == pytest.approx(energies[1] - energies[0])
    assert result.barrier_forward_ev == pytest.approx(result.barrier_reverse_ev, abs=1e-6)
    assert [progress.fraction for progress in said] == sorted(p.fraction for p in said)
    assert said[-1].fraction == 1


def test_an_image_below_an_end_is_a_remark_and_no_statement(sqlite_store, emt):
    """A path whose ends are not where the potential has its minima."""
    start, saddle, end = copper_path()
    images = (
        PathImage(name="start", structure=saddle.structure),
        PathImage(name="saddle", structure=start.structure),
        PathImage(name="end", structure=end.structure),
    )
    key = stored_barrier(sqlite_store)
    run = compute_dft(DftPathRequest(formula="Cu", defect="V_Cu", images=images), None, emt)
    assert isinstance(run.result, DftPathResult)
    assert run.result.barrier_forward_ev < 0
    assert any("meV below an end" in remark for remark in run.result.remarks)
    with sqlite_store.session() as session:
        calculation = session.get_one(Calculation, key)
        assert computed_rows(session, calculation, run.request, run.result, {}) == []


def test_the_band_relaxes_what_the_single_points_took_as_given(emt: Potential) -> None:
    path = copper_path()
    images = tuple(image.structure for image in path)
    band = compute_dft(DftNebRequest(formula="Cu", images=images), None, emt).result
    estimate = compute_dft(DftPathRequest(formula="Cu", images=tuple(path)), None, emt).result
    assert isinstance(band, DftNebResult)
    assert isinstance(estimate, DftPathResult)
    assert band.residual_force_ev_per_ang <= 0.05
    assert band.barrier_forward_ev == pytest.approx(band.barrier_reverse_ev, abs=0.01)
    assert band.barrier_forward_ev == pytest.approx(COPPER_BARRIER_EV, abs=0.15)
    assert abs(estimate.barrier_forward_ev - band.barrier_forward_ev) > 0.01
    assert len(band.images) == 3


def test_atoms_on_top_of_one_another_do_not_reach_the_engine(emt: Potential) -> None:
    atoms = cspbi3()
    atoms.positions[1] = atoms.positions[0] + 0.3
    with fails(FailureKind.ATOMS_TOO_CLOSE):
        compute_dft(DftScfRequest(formula="CsPbI3", structure=host_of(atoms)), None, emt)
    assert emt.name == "test"


def test_a_barrier_becomes_single_points_on_its_ends_and_its_saddle(sqlite_store: Store) -> None:
    key = stored_barrier(sqlite_store)
    with sqlite_store.session() as session:
        calculation = session.get_one(Calculation, key)
        asked = partial(barrier_request, session, calculation)
        neutral, positive = (asked(DftPathRequest, DftSettings(charge=charge)) for charge in (0, 1))
        band = asked(DftNebRequest, DftSettings(), max_steps_neb=7)
        with pytest.raises(InputError, match="hop 2 does not exist"):
            asked(DftPathRequest, DftSettings(), hop=2)
        with pytest.raises(InputError, match="max_steps_neb = 0"):
            asked(DftNebRequest, DftSettings(), max_steps_neb=0)
    assert (neutral.formula, neutral.phase, neutral.defect) == ("CsPbBr3", "Pnma", "V_Br")
    assert (neutral.parent, neutral.hop) == (key, 1)
    assert neutral.key() != positive.key()
    for image, wanted in zip(neutral.images, vacancy_path(), strict=True):
        assert np.allclose(atoms_in(image.structure).positions, wanted.positions, atol=1e-7)
    assert (len(band.images), band.max_steps_neb) == (3, 7)


def test_a_vacancy_of_a_stored_structure_names_what_is_missing(sqlite_store: Store) -> None:
    key = stored_barrier(sqlite_store)
    with sqlite_store.session() as session:
        structure = session.get_one(Structure, f"{key}-hop-1-image-0")
        settings = DftSettings(charge=-1)
        request = structure_request(structure, settings, "relax", vacancy=0, max_steps=3)
        with pytest.raises(InputError, match="0 to 3"):
            structure_request(structure, DftSettings(), vacancy=4)
    assert request.defect == "V_Cs"
    assert request.structure.symbols == ("Pb", "Br", "Br")
    assert request.settings.charge == -1
    assert request.kind == "dft-relax"
    assert request.max_steps == 3


def test_a_demonstration_states_nothing(sqlite_store: Store, emt: Potential) -> None:
    key = stored_barrier(sqlite_store)
    images = tuple(copper_path())
    with sqlite_store.session() as session:
        calculation = session.get_one(Calculation, key)
        for demonstration, expected in ((True, 0), (False, 1)):
            request = DftPathRequest(
                formula="Cu", defect="V_Cu", images=images, demonstration=demonstration
            )
            run = compute_dft(request, None, emt)
            records = computed_rows(session, calculation, run.request, run.result, {})
            assert len(records) == expected
            assert all(isinstance(record, Energetic) for record in records)
