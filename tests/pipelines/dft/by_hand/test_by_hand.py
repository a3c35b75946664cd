"""Input folders out, results back: with real pw.x runs, checked against the job."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymatgen.io.vasp.inputs import Incar, Kpoints
from sqlalchemy import delete

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.dft import (
    DftPathRequest,
    DftPathResult,
    DftScfResult,
    DftSettings,
)
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation, CalculationEvent, CalculationFile
from pvkdb.store.models.energetics import Energetic
from pvkdb_pipelines.dft.by_hand.exports import JOB_FILE, converted, export_inputs
from pvkdb_pipelines.dft.by_hand.foreign import grid_of_points
from pvkdb_pipelines.dft.codes.engines import load_engine
from pvkdb_pipelines.dft.codes.runs import DEBIAN_PSEUDO_DIR
from pvkdb_pipelines.dft.codes.sssp import files_in
from pvkdb_pipelines.dft.requests import barrier_request
from pvkdb_pipelines.dft.settings import complete_request

from ....queueing import enqueued, state_of
from ..barriers import stored_barrier, taken_back
from ..conftest import MOLECULE, ammonia, relaxation, scf
from ..crystals import GUIDE, hop_request

#: Positive, since the odd electron of a neutral vacancy takes twice the steps.
ROUGH = DftSettings(
    charge=1, cutoff_wfc_ry=15, cutoff_rho_ry=120, kpoint_grid=(1, 1, 1), scf_threshold_ry=1e-6
)


def by_hand(folder: Path, *parts: str) -> None:
    """What the README of a folder tells people to do."""
    (folder / "pseudo").symlink_to(DEBIAN_PSEUDO_DIR)
    sums = subprocess.run(
        ["md5sum", "-c", "--quiet", "pseudopotentials.md5"], cwd=folder, check=False
    )
    assert sums.returncode == 0
    for part in parts or (".",):
        with (folder / part / "pw.out").open("wb") as output:
            subprocess.run(["pw.x", "-in", "pw.in"], cwd=folder / part, stdout=output, check=True)


@pytest.fixture(scope="module")
def ammonia_run(tmp_path_factory: pytest.TempPathFactory, pw: None) -> Path:
    """The exported folder of NH3's single point, run; its note taken out."""
    folder = tmp_path_factory.mktemp("ammonia") / "job"
    export_inputs(complete_request(scf(ammonia(), "NH3", MOLECULE)), "of-a-test", folder)
    by_hand(folder)
    (folder / JOB_FILE).unlink()
    return folder


@pytest.mark.parametrize("soc", [False, True])
def test_gamma_alone_is_a_grid_where_wave_functions_are_complex(tmp_path: Path, soc: bool) -> None:
    """pw.x refuses K_POINTS gamma with noncolin; VASP's program for Γ has real wave functions."""
    settings: dict[str, Any] = {"kpoint_grid": (1, 1, 1), "soc": soc}
    vasp = DftSettings(engine="vasp", **settings)
    export_inputs(complete_request(scf(ammonia(), "NH3", vasp)), "", tmp_path / "vasp")
    assert Kpoints.from_file(tmp_path / "vasp" / "KPOINTS").kpts == [(1, 1, 1)]
    incar = Incar.from_file(tmp_path / "vasp" / "INCAR")
    assert [incar.get(tag) for tag in ("LSORBIT", "ISYM", "ISPIN", "NUPDOWN", "MAGMOM")] == (
        [True, -1, 1, None, [[0, 0, 0]] * 4] if soc else [None, None, 1, None, None]
    )
    program = "vasp_ncl" if soc else "vasp_std"
    assert re.findall(r"vasp_\w+", (tmp_path / "vasp" / "README.md").read_text()) == [program]

    kind = "full" if soc else "scalar"
    for symbol in "NH":
        head = f'<PP_HEADER element="{symbol}" relativistic="{kind}" functional="PBE"/>'
        (tmp_path / f"{symbol}.upf").write_text(f'<UPF version="2.0.1">\n{head}\n')
    own = files_in(tmp_path, "PBE", soc)
    pw = DftSettings(**settings, pseudopotentials=own, cutoff_wfc_ry=90, cutoff_rho_ry=360)
    export_inputs(complete_request(scf(ammonia(), "NH3", pw)), "", tmp_path / "pw")
    text = (tmp_path / "pw" / "pw.in").read_text()
    assert ("K_POINTS automatic\n1 1 1  0 0 0\n" in text) == soc
    assert ("K_POINTS gamma\n" in text) != soc
    assert re.findall(r"(\w+) += \.true\.", text) == ["tprnfor", *(soc * ["noncolin", "lspinorb"])]
    assert "nspin" not in text


@pytest.mark.slow
def test_a_single_point_comes_back_as_if_it_had_been_computed_here(empty_store, ammonia_run):
    request = complete_request(scf(ammonia(), "NH3", MOLECULE))
    key = enqueued(empty_store, request)
    calculation = taken_back(empty_store, key, ammonia_run)
    assert (calculation.id, calculation.state) == (key, "done")
    result = DftScfResult.model_validate(calculation.result)
    assert (result.method, result.origin, result.settings.charge) == ("DFT", "imported", 0)
    assert "sha256" in calculation.versions["imported"]
    assert result.point.scf_steps
    (here,) = load_engine("espresso", request.settings).evaluate([ammonia()], stress=False)
    assert result.point.energy_ev == pytest.approx(here["energy"], abs=1e-4)
    assert np.array(result.point.forces_ev_per_ang) == pytest.approx(here["forces"], abs=1e-3)
    with pytest.raises(InputError, match="has a result already"):
        taken_back(empty_store, key, ammonia_run)


@pytest.mark.slow
def test_a_run_with_other_settings_is_refused_and_the_job_stays(sqlite_store, ammonia_run):
    other = {"cutoff_wfc_ry": 25, "cutoff_rho_ry": 160, "charge": 2, "kpoint_grid": (2, 1, 1)}
    changed = DftSettings.model_validate({**MOLECULE.model_dump(), **other})
    key = enqueued(sqlite_store, complete_request(scf(ammonia(), "NH3", changed)))
    words = (
        r"charge \+0.00, the job has \+2; cutoff of the wave functions 20.0 Ry, the job has 25; "
        "cutoff of the density 120.0 Ry, the job has 160; k-points 1×1×1, the job has 2×1×1; "
    )
    with pytest.raises(InputError, match=words):
        taken_back(sqlite_store, key, ammonia_run)
    assert state_of(sqlite_store, key) == "queued"


@pytest.mark.slow
def test_a_run_of_another_structure_is_refused_with_every_difference(sqlite_store, ammonia_run):
    moved, wider, fewer = ammonia(), ammonia(), ammonia()[:3]
    moved.positions[0, 0] += 0.05
    wider.set_cell([6.0] * 3)
    for atoms, words in (
        (moved, "0.050 Å from its place"),
        (wider, "cell differs by 1.000 Å"),
        (fewer, "4 atoms H3N, the job has 3 atoms"),
    ):
        settings = MOLECULE.model_copy(update={"cutoff_wfc_ry": 21, "smearing": "gaussian"})
        key = enqueued(sqlite_store, complete_request(scf(atoms, "NH3", settings)))
        with pytest.raises(InputError, match=words) as refusal:
            taken_back(sqlite_store, key, ammonia_run)
        if len(atoms) == 4:
            assert "wave functions" in str(refusal.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[: len(text) // 2], "not contain a finished result"),
        (lambda text: text.replace("Forces acting", "Nothing on"), "cannot be read"),
        (lambda text: "something else", "there is none"),
    ],
)
def test_an_output_that_is_cut_or_none_is_refused(
    sqlite_store: Store, ammonia_run: Path, tmp_path: Path, damage: Any, words: str
) -> None:
    folder = tmp_path / "cut"
    folder.mkdir()
    (folder / "pw.out").write_text(damage((ammonia_run / "pw.out").read_text()))
    key = enqueued(sqlite_store, complete_request(scf(ammonia(), "NH3", MOLECULE)))
    with pytest.raises(InputError, match=words):
        taken_back(sqlite_store, key, folder)
    assert state_of(sqlite_store, key) == "queued"


@pytest.mark.slow
def test_atoms_are_found_by_their_places_whatever_their_order(sqlite_store, ammonia_run):
    """A job with the atoms of the run in another order: forces follow their atoms."""
    order = [2, 0, 3, 1]
    key = enqueued(sqlite_store, complete_request(scf(ammonia()[order], "NH3", MOLECULE)))
    other = enqueued(sqlite_store, complete_request(scf(ammonia(), "NH3", MOLECULE)))
    shuffled = DftScfResult.model_validate(taken_back(sqlite_store, key, ammonia_run).result)
    plain = DftScfResult.model_validate(taken_back(sqlite_store, other, ammonia_run).result)
    assert shuffled.point.forces_ev_per_ang == [plain.point.forces_ev_per_ang[i] for i in order]


@pytest.mark.slow
@pytest.mark.usefixtures("pw")
def test_a_relaxation_comes_back_relaxed(sqlite_store: Store, tmp_path: Path) -> None:
    request = complete_request(relaxation(fmax_ev_per_ang=0.2))
    key = enqueued(sqlite_store, request)
    export_inputs(request, key, tmp_path / "job")
    by_hand(tmp_path / "job")
    result = taken_back(sqlite_store, key, tmp_path / "job").result or {}
    assert result["origin"] == "imported"
    assert result["max_force_ev_per_ang"] <= 0.2
    assert result["structure"] != request.structure.model_dump(mode="json")


@pytest.mark.slow
@pytest.mark.usefixtures("pw")
def test_the_path_of_a_barrier_goes_out_and_comes_back_as_dft(sqlite_store, tmp_path):
    key = stored_barrier(sqlite_store)
    folder = tmp_path / "job"
    with sqlite_store.session() as session:
        barrier = session.get_one(Calculation, key)
        request = barrier_request(session, barrier, DftPathRequest, ROUGH)
    export_inputs(request, key, folder)
    by_hand(folder, "start", "saddle", "end")
    with sqlite_store.session() as session:
        before = session.query(Calculation).count()
    found = taken_back(sqlite_store, key, folder)
    assert (found.kind, found.state) == ("dft-path", "done")
    assert found.id != key
    result = DftPathResult.model_validate(found.result)
    assert result.highest == "saddle"
    # The ends are mirror images of one another.
    assert result.barrier_forward_ev == pytest.approx(result.barrier_reverse_ev, abs=0.002)
    with sqlite_store.session() as session:
        assert session.query(Calculation).count() == before + 1
        assert session.get_one(Calculation, key).kind == "neb"
        statement = session.get_one(Energetic, f"e-{found.id}-hop-1")
        assert (statement.method, statement.functional, statement.soc) == ("DFT", "PBE", False)
        assert (statement.charge, statement.defect, statement.scope) == (1, "V_Br", "hop")
        assert statement.approximate
        assert statement.value_max_ev == pytest.approx(result.barrier_forward_ev, abs=0.003)
        for words in ("estimate", key, "15/120 Ry", "imported", "below the 40/320 Ry", "k 1×1×1"):
            assert words in (statement.conditions or ""), words
    shutil.copy(folder / "start" / "pw.out", folder / "saddle" / "pw.out")
    with sqlite_store.session() as session:
        session.delete(session.get_one(Energetic, f"e-{found.id}-hop-1"))
        for kept in (CalculationEvent, CalculationFile):
            session.execute(delete(kept).where(kept.calculation_id == found.id))
        session.flush()
        session.delete(session.get_one(Calculation, found.id))
    with pytest.raises(InputError, match="saddle: an atom lies"):
        taken_back(sqlite_store, key, folder)


def test_a_folder_of_another_job_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    one, other = (
        complete_request(scf(atoms, "NH3", MOLECULE))
        for atoms in (ammonia(), ammonia(upside_down=True))
    )
    keys = [enqueued(sqlite_store, request) for request in (one, other)]
    export_inputs(one, keys[0], tmp_path / "job")
    with pytest.raises(InputError, match=f"written for calculation {keys[0]}, not {keys[1]}"):
        taken_back(sqlite_store, keys[1], tmp_path / "job")
    note = json.loads((tmp_path / "job" / JOB_FILE).read_text())
    note["request"]["structure"]["positions_ang"][0][0] += 0.1
    (tmp_path / "job" / JOB_FILE).write_text(json.dumps(note))
    with pytest.raises(InputError, match="describes another request"):
        taken_back(sqlite_store, keys[0], tmp_path / "job")
    (tmp_path / "job" / JOB_FILE).write_text("{}")
    with pytest.raises(InputError, match="not a job file of pvkdb"):
        taken_back(sqlite_store, keys[0], tmp_path / "job")


def test_a_barrier_without_its_note_cannot_be_taken_back(sqlite_store, tmp_path):
    key = stored_barrier(sqlite_store)
    with pytest.raises(InputError, match="begin with: pvkdb dft"):
        taken_back(sqlite_store, key, tmp_path)


def test_a_folder_that_holds_something_and_one_of_a_hop_are_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        export_inputs(complete_request(scf(ammonia(), "NH3")), "an-id", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    hop = hop_request(GUIDE, parent="abc")
    with pytest.raises(InputError, match="pvkdb dft abc --method neb --by-hand"):
        export_inputs(hop, "an-id", tmp_path / "job")


def test_another_code_is_another_calculation() -> None:
    request = complete_request(
        scf(ammonia(), "NH3", MOLECULE.model_copy(update={"smearing": "gaussian"}))
    )
    other = converted(request, "vasp")
    assert other.key() != request.key()
    assert other.settings.pseudopotentials == ()
    assert converted(other, "espresso").settings.cutoff_wfc_ry == 60  # what SSSP recommends
    with pytest.raises(InputError, match="VASP has no smearing 'fixed'"):
        converted(complete_request(scf(ammonia(), "NH3", MOLECULE)), "vasp")


@pytest.mark.parametrize("grid", [(1, 1, 1), (2, 2, 2), (4, 4, 3), (5, 2, 1)])
def test_a_grid_is_recognised_from_its_points(grid: tuple[int, int, int]) -> None:
    points = [
        (i / grid[0], j / grid[1], k / grid[2] - 1)
        for i in range(grid[0])
        for j in range(grid[1])
        for k in range(grid[2])
    ]
    assert grid_of_points(np.round(points, 7)) == grid
