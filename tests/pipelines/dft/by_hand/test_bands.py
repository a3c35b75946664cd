"""Nudged bands run by hand: neb.x for real, and folders for VASP with VTST, whose outputs are made
up here in its format, since VASP is not at hand.
"""

from __future__ import annotations

import copy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from pymatgen.io.vasp.inputs import Incar

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.dft import (
    DftNebRequest,
    DftNebResult,
    DftPathRequest,
    DftRelaxRequest,
    DftSettings,
)
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue import claims as queue
from pvkdb_pipelines.dft.by_hand.exports import export_inputs
from pvkdb_pipelines.dft.by_hand.imports import import_results
from pvkdb_pipelines.dft.codes.runs import DEBIAN_PSEUDO_DIR
from pvkdb_pipelines.dft.requests import barrier_request, on_lattice
from pvkdb_pipelines.dft.settings import complete_request
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of

from ....conftest import lacks
from ....queueing import enqueued
from ....structures import structure_row
from ..barriers import stored_barrier, taken_back, vacancy_path
from ..conftest import MOLECULE, inversion
from .vasprun import TITLES, vasprun_xml

VALENCE = {"Cs": 9.0, "Pb": 14.0, "Br": 7.0}
VTST_LINE = " FORCES: max atom, RMS     {:.6f}    0.010000\n"


@pytest.mark.slow
@pytest.mark.usefixtures("pw")
def test_a_band_of_neb_x_comes_back_with_its_functional_d3_and_u(sqlite_store, tmp_path):
    if shutil.which("neb.x") is None:
        lacks("neb.x is not on the PATH (Debian: quantum-espresso)")
    chosen = {"dispersion": "D3(BJ)", "hubbard": "N-2p=1.0"}
    settings = DftSettings.model_validate({**MOLECULE.model_dump(), **chosen})
    request = complete_request(
        inversion().model_copy(update={"settings": settings, "fmax_neb_ev_per_ang": 0.4})
    )
    key = enqueued(sqlite_store, request)
    folder = tmp_path / "job"
    export_inputs(request, key, folder)
    (folder / "pseudo").symlink_to(DEBIAN_PSEUDO_DIR)
    steps = (folder / "README.md").read_text().partition("```bash\n")[2].partition("\npvkdb")[0]
    subprocess.run(["bash", "-ec", steps], cwd=folder, check=True)
    found = taken_back(sqlite_store, key, folder)
    result = DftNebResult.model_validate(found.result)
    assert found.versions["espresso"].startswith("6.")
    printed = np.loadtxt(folder / "pvkdb.dat")
    assert result.image_energies_ev == pytest.approx(printed[:, 1].tolist(), abs=1e-4)
    # The ends are mirror images of one another.
    assert result.barrier_forward_ev == pytest.approx(result.barrier_reverse_ev, abs=0.005)
    assert result.residual_force_ev_per_ang <= 0.4
    assert (result.settings.method, result.origin) == ("PBE+U-D3(BJ)", "imported")
    assert result.neb_method.startswith("neb.x 6.")
    other = complete_request(inversion())
    plain = enqueued(sqlite_store, other)
    (folder / "pvkdb-job.json").unlink()
    words = (
        r"dispersion D3\(BJ\), the job has None; image 0: U {'N': \('p', 1.0\)}, the job has none"
    )
    with pytest.raises(InputError, match=words):
        taken_back(sqlite_store, plain, folder)


VASP: dict[str, Any] = {"engine": "vasp", "charge": 1, "kpoint_grid": (1, 1, 1)}
CHOSEN = DftSettings(**VASP)


def band_request(store: Store, **settings: Any) -> tuple[str, DftNebRequest]:
    """The band over the path of a barrier, with VASP."""
    key = stored_barrier(store)
    chosen = DftSettings(**VASP, **settings)
    with store.session() as session:
        barrier = session.get_one(Calculation, key)
        return key, barrier_request(session, barrier, DftNebRequest, chosen)


def test_a_vtst_folder_says_what_to_run_and_its_method_comes_back(sqlite_store, tmp_path):
    key, request = band_request(
        sqlite_store, functional="r2SCAN", dispersion="D3(BJ)", hubbard="Pb-6p=2.5", soc=True
    )
    export_inputs(request, key, tmp_path / "job")
    band = Incar.from_file(tmp_path / "job" / "INCAR")
    wanted = {"IMAGES": 1, "LCLIMB": True, "IOPT": 1, "IBRION": 3, "POTIM": 0, "EDIFFG": -0.05}
    wanted |= {"METAGGA": "R2scan", "LSORBIT": True, "LASPH": True, "ISYM": -1}
    wanted |= {"IVDW": 12, "VDW_A1": 0.49484001, "LDAUTYPE": 2, "LDAUL": [0, 1, 0]}
    wanted |= {"LDAUU": [0, 2.5, 0], "ENCUT": pytest.approx(680, abs=0.01)}
    assert {name: band[name] for name in wanted} == wanted
    assert np.abs(band["MAGMOM"]).max() == 0
    assert "POTCAR: release PBE_54 (Cs_sv, Pb_d, Br" in (tmp_path / "job" / "INCAR").read_text()
    end = Incar.from_file(tmp_path / "job" / "start" / "INCAR")
    assert (end["IBRION"], end["ISIF"], end["EDIFFG"]) == (2, 2, -0.03)
    assert "IMAGES" not in end
    for index, image in enumerate(request.images):
        poscar = read(tmp_path / "job" / f"{index:02d}" / "POSCAR")
        atoms = atoms_in(image)
        assert poscar.get_chemical_symbols() == ["Cs", "Pb", "Br", "Br"]
        assert np.abs(poscar.positions - atoms[[0, 1, 2, 3]].positions).max() < 1e-6
    readme = (tmp_path / "job" / "README.md").read_text()
    for words in ("start end; do (cd $part && mpirun vasp_ncl)", "cp start/CONTCAR 00/POSCAR"):
        assert words in readme
    for source in ("10.1063/1.1329672", "10.1021/acs.jpclett.0c02405", "10.1063/5.0041008"):
        assert source in readme
    tags = """<i type="string" name="METAGGA">R2SCAN</i><i type="int" name="IVDW">12</i>
     <i type="logical" name="LDAU">T</i><v type="int" name="LDAUL">0 1 0</v>
     <v name="LDAUU">0.0 2.5 0.0</v>"""
    run_by_vasp(tmp_path / "job", request, incar=tags, soc=True, encut_ev=680.0)
    found = taken_back(sqlite_store, key, tmp_path / "job")
    with sqlite_store.session() as session:
        statement = session.get_one(Energetic, f"e-{found.id}-hop-1")
        assert (statement.functional, statement.soc) == ("r2SCAN+U-D3(BJ)", True)


def test_a_vacancy_without_a_stored_path_hops_by_the_length_of_its_hop(sqlite_store):
    """As in the release: hosts, and no images. Edges of cubic CsPbBr3 are one kind of hop."""
    key = stored_barrier(sqlite_store)
    host = Atoms("CsPbBr3", cell=[5.9] * 3, pbc=True)
    host.set_scaled_positions(
        [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    )
    host = host.repeat(2)
    length = round(5.9 / 2**0.5, 4)
    with sqlite_store.session() as session:
        calculation = session.get_one(Calculation, key)
        for image in session.query(Structure):
            session.delete(image)
        result = copy.deepcopy(calculation.result)
        result["hops"][0]["hop"]["length_ang"] = length
        calculation.result = result
        where = {"material_id": calculation.material_id, "origin": "a test"}
        session.add(structure_row(f"{key}-host", host, role="host", calculation_id=key, **where))
        session.flush()
        request = barrier_request(session, calculation, DftNebRequest, CHOSEN)
        with pytest.raises(InputError, match="has no path of hop 1"):
            barrier_request(session, calculation, DftPathRequest, CHOSEN)
        result["hops"][0]["hop"]["length_ang"] = 2.0
        calculation.result = copy.deepcopy(result)
        with pytest.raises(InputError, match=r"0 kinds of hops are 2\.0 Å long"):
            barrier_request(session, calculation, DftNebRequest, CHOSEN)
    start, end = (np.array(request.images[index].positions_ang) for index in (0, -1))
    moved = np.linalg.norm(end - start, axis=1)
    assert (len(start), np.count_nonzero(moved > 1e-6)) == (39, 1)
    assert moved.max() == pytest.approx(length, abs=1e-3)
    assert (request.path, request.defect) == ("IDPP", "V_Br")


def run_by_vasp(folder: Path, request: DftNebRequest, **said: Any) -> None:
    """Write what VASP and VTST would: energies −50, −49.7 and −49.9 eV."""
    energies = {"start": -50.0, "01": -49.7, "end": -49.9}
    for name, energy_ev in energies.items():
        place = {"start": "00", "end": "02"}.get(name, name)
        atoms = read(folder / place / "POSCAR")
        values = {"nelect": 9 + 14 + 14 - 1, "forces": np.full((len(atoms), 3), 0.01), **said}
        text = vasprun_xml(atoms, VALENCE, energy_ev=energy_ev, **values)
        (folder / name / "vasprun.xml").write_text(text)
        (folder / name / "OUTCAR").write_text(VTST_LINE.format(0.3) + VTST_LINE.format(0.04))


def test_a_band_of_vasp_comes_back_as_a_barrier_by_dft(sqlite_store: Store, tmp_path: Path) -> None:
    key, request = band_request(sqlite_store)
    folder = tmp_path / "job"
    export_inputs(request, key, folder)
    run_by_vasp(folder, request)
    found = taken_back(sqlite_store, key, folder)
    result = DftNebResult.model_validate(found.result)
    assert found.id != key  # the barrier of the potential stays as it is
    assert found.versions == {"vasp": "6.4.2", "imported": found.versions["imported"]}
    with sqlite_store.session() as session:
        statement = session.get_one(Energetic, f"e-{found.id}-hop-1")
        assert (statement.method, statement.functional, statement.charge) == ("DFT", "PBE", 1)
        assert (statement.value_min_ev, statement.value_max_ev) == pytest.approx((0.2, 0.3))
        for words in (f"NEB from the path of calculation {key}", "POTCAR PBE_54", "imported"):
            assert words in statement.conditions
    assert result.residual_force_ev_per_ang == pytest.approx(0.04)
    assert result.neb_method == "VTST of VASP 6.4.2, climbing image, L-BFGS"


def test_the_lattice_by_dft_replaces_that_of_the_potential(sqlite_store, tmp_path):
    """A cell that DFT widens by one percent: each image of the band is in its supercell."""
    key, request = band_request(sqlite_store)
    host = host_of(vacancy_path()[0])
    relaxation = DftRelaxRequest(
        formula="CsPbBr3", structure=host, cell=True, settings=request.settings
    )
    wider = atoms_in(host)
    wider.set_cell(wider.cell * 1.01, scale_atoms=True)
    with sqlite_store.session() as session:
        relaxed = queue.enqueue(session, complete_request(relaxation), None)[0]
        session.flush()
        with pytest.raises(InputError, match="is not a finished relaxation of a cell"):
            on_lattice(session, request, relaxed.id)
        relaxed.result = {"structure": host_of(wider).model_dump(mode="json")}
        found = on_lattice(session, request, relaxed.id)
        for image, before in zip(found.images, request.images, strict=True):
            assert np.allclose(image.positions_ang, np.array(before.positions_ang) * 1.01)
            assert np.allclose(image.cell_ang, np.array(before.cell_ang) * 1.01)
        other = request.model_copy(
            update={"settings": request.settings.model_copy(update={"functional": "PBEsol"})}
        )
        with pytest.raises(InputError, match="a lattice and the barriers in it have one method"):
            on_lattice(session, other, relaxed.id)
        export_inputs(found, f"{key}-hop-1-image-0", tmp_path / "job")
        run_by_vasp(tmp_path / "job", found)
        start = session.get_one(Structure, f"{key}-hop-1-image-0")
        imported = import_results(session, start, tmp_path / "job")
        statement = session.get_one(Energetic, f"e-{imported.id}-hop-1")
        assert f"lattice of calculation {relaxed.id}" in (statement.conditions or "")


#: File, a text in it, what takes its place (of "": all of it; None: no file), and the refusal.
DAMAGES = [
    ("01/OUTCAR", "", "no line of VTST", "built without it"),
    ("01/OUTCAR", "", VTST_LINE.format(0.3), r"largest force 0.300 eV/Å, .*the job asks for 0.05"),
    ("INCAR", "LCLIMB = True", "LCLIMB = .FALSE.", "no image climbs"),
    ("end/vasprun.xml", "", None, r"end holds no vasprun\.xml"),
    (
        "start/vasprun.xml",
        TITLES["Pb"],
        "PAW_PBE Pb 08Apr2002",
        "image 0: POTCAR PAW_PBEPb08Apr2002 is none of Cs_sv, Pb_d, Br of PBE_54",
    ),
    ("01/vasprun.xml", '"GGA">--<', '"GGA">PS<', "image 1: functional PBEsol, the job has PBE"),
]


@pytest.mark.parametrize(("file", "old", "new", "words"), DAMAGES)
def test_a_band_that_is_none_is_refused(sqlite_store, tmp_path, file, old, new, words):
    key, request = band_request(sqlite_store)
    export_inputs(request, key, tmp_path / "job")
    run_by_vasp(tmp_path / "job", request)
    path = tmp_path / "job" / file
    text = path.read_text()
    if new is None:
        path.unlink()
    else:
        path.write_text(text.replace(old, new) if old else new)
    with pytest.raises(InputError, match=words):
        taken_back(sqlite_store, key, tmp_path / "job")
