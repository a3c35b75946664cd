"""CP2K as an engine: a real one on molecules in a box."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress
from scipy.spatial.transform import Rotation

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftScfRequest, DftSettings, Engine
from pvkdb_pipelines.dft.codes.cp2k import Cp2kEngine, entries
from pvkdb_pipelines.dft.codes.runs import RunLocation
from pvkdb_pipelines.dft.computing import compute_dft
from pvkdb_pipelines.dft.settings import complete_settings
from pvkdb_pipelines.geometry.hosts import host_of

from ...conftest import fails

#: Cheap settings for molecules: a second a run.
CHEAP = DftSettings(engine=Engine.CP2K, cutoff_rho_ry=200, cutoff_wfc_ry=40, scf_threshold_ry=1e-10)


def molecule(symbols: str, length_ang: float = 1.29) -> Atoms:
    """One or two atoms in a box of 6 Å."""
    positions = [[3.0, 3.0, 2.4], [3.0, 3.0, 2.4 + length_ang]]
    return Atoms(symbols, positions=positions[: len(Atoms(symbols))], cell=[6.0] * 3, pbc=True)


def engine(atoms: Atoms, location: RunLocation, settings: DftSettings = CHEAP) -> Cp2kEngine:
    """Start CP2K for these atoms."""
    return Cp2kEngine(complete_settings(settings, host_of(atoms)), location)


@pytest.fixture
def here(tmp_path: Path) -> RunLocation:
    """Where CP2K runs in a test."""
    return RunLocation(scratch=tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("cp2k")
class TestRealRuns:
    """A real CP2K."""

    def test_forces_and_stress_are_slopes_of_the_energy(self, here: RunLocation) -> None:
        """HCl, stretched: force along the bond and stress beside differences of energies."""
        run, step = engine(molecule("HCl"), here), 0.01
        energies = [
            run.evaluate([molecule("HCl", 1.4 + shift)], stress=False)[0]["energy"]
            for shift in (-step, step)
        ]
        (found,) = run.evaluate([molecule("HCl", 1.4)], stress=True)
        strained = []
        for strain in (-step, step):
            atoms = molecule("HCl", 1.4)
            atoms.set_cell(atoms.cell @ np.diag([1, 1, 1 + strain]), scale_atoms=True)
            strained += [run.evaluate([atoms], stress=False)[0]["energy"]]
        force = -(energies[1] - energies[0]) / (2 * step)
        assert force < -2  # eV/Å, pulls the atoms together
        assert found["forces"][1, 2] == pytest.approx(force, abs=0.05)
        stress = (strained[1] - strained[0]) / (2 * step) / molecule("HCl").get_volume()
        assert found["stress"][2] == pytest.approx(stress, abs=2e-3)
        run.close()

    def test_a_rectangular_cell_may_lie_any_way(self, here: RunLocation) -> None:
        """Turned by half a radian, it has the same energy; forces and stress turn with it."""
        straight, turn = molecule("HCl", 1.4), Rotation.from_rotvec([0.5, 0, 0]).as_matrix()
        turned = straight.copy()
        turned.set_cell(straight.cell @ turn.T, scale_atoms=True)
        of_straight, of_turned = (
            engine(each, here).evaluate([each], stress=True)[0] for each in (straight, turned)
        )
        assert of_turned["energy"] == pytest.approx(of_straight["energy"], abs=1e-6)
        assert of_turned["forces"] == pytest.approx(of_straight["forces"] @ turn.T, abs=1e-4)
        tensor = voigt_6_to_full_3x3_stress(of_straight["stress"])
        expected = full_3x3_to_voigt_6_stress(turn @ tensor @ turn.T)
        assert of_turned["stress"] == pytest.approx(expected, abs=1e-5)

    def test_an_odd_electron_has_a_spin(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hydrogen atom: −0.49999 hartree with PBE, doi:10.1103/PhysRevLett.77.3865."""
        monkeypatch.setenv("PVKDB_DFT_SCRATCH", str(tmp_path))
        run = compute_dft(
            DftScfRequest(formula="H", structure=host_of(molecule("H")), settings=CHEAP)
        )
        assert run.request.settings.magnetization_mub == 1
        assert run.result.point.energy_ev == pytest.approx(-13.605, abs=0.15)
        assert run.versions["cp2k"]
        assert {"cp2k-1.in", "cp2k-1.out"} <= {name.removesuffix(".gz") for name in run.files}
        assert not list(tmp_path.iterdir())  # the program has ended

    def test_the_next_structure_starts_from_the_last_wave_functions(
        self, here: RunLocation
    ) -> None:
        """Fewer SCF steps, and the energy that a new program gives, also 2 Å further."""
        run = engine(molecule("HCl"), here)
        far = molecule("HCl", 1.31)
        far.translate([2, 0, 0])
        structures = molecule("HCl", 1.29), molecule("HCl", 1.31), far
        first, *later = (run.evaluate([each], stress=False)[0] for each in structures)
        run.close()
        again = engine(far, here).evaluate([far], stress=False)[0]
        for found in later:
            assert found["details"].steps < first["details"].steps
            assert found["energy"] == pytest.approx(again["energy"], abs=1e-5)

    def test_dispersion_binds(self, here: RunLocation) -> None:
        """D3 lowers the energy of two argon atoms by 1 to 30 meV at 3.8 Å."""
        pair = Atoms("Ar2", positions=[[4, 4, 2.1], [4, 4, 5.9]], cell=[8.0] * 3, pbc=True)
        with_d3 = CHEAP.model_copy(update={"dispersion": "D3(BJ)"})
        energies = [
            engine(pair, here, settings).evaluate([pair], stress=False)[0]["energy"]
            for settings in (CHEAP, with_d3)
        ]
        assert -0.03 < energies[1] - energies[0] < -0.001

    @pytest.mark.parametrize("known", [False, True], ids=["as it dies", "dead"])
    def test_a_killed_program_is_a_failure_and_the_next_run_starts_anew(
        self, here: RunLocation, known: bool
    ) -> None:
        """Killed while it computes: the signal is named, and nothing is left behind."""
        run = engine(molecule("HCl"), here)
        expected = run.evaluate([molecule("HCl")], stress=False)[0]["energy"]
        shell = run._shell
        assert shell is not None
        program = shell._calculator._shell._child
        program.kill()
        if known:
            program.wait()
        with fails(FailureKind.PROGRAM_CRASHED, "signal 9"):
            run.evaluate([molecule("HCl", 1.3)], stress=False)
        again = run.evaluate([molecule("HCl")], stress=False)[0]["energy"]
        assert again == pytest.approx(expected, abs=1e-5)
        run.close()
        assert not list((here.scratch or Path()).iterdir())

    def test_a_time_limit_ends_the_program(self, here: RunLocation) -> None:
        run = engine(molecule("HCl"), replace(here, max_seconds=0.3))
        for _ in range(2):  # while it runs, and before the next
            with fails(FailureKind.OUT_OF_WALLTIME, "PVKDB_DFT_MAX_SECONDS"):
                run.evaluate([molecule("HCl")], stress=False)

    def test_too_few_steps_are_named(self, here: RunLocation) -> None:
        few = CHEAP.model_copy(update={"scf_max_steps": 2})
        with fails(FailureKind.SCF_NOT_CONVERGED, "scf_max_steps"):
            engine(molecule("HCl"), here, few).evaluate([molecule("HCl")], stress=False)

    def test_every_set_knows_lead_and_what_lacks_an_element_is_named(
        self, here: RunLocation
    ) -> None:
        """Of several pseudopotentials, the one with the fewest electrons."""
        names = [
            entries(["Pb", "Sn"], f"{zeta}-MOLOPT-{family}", here.cp2k_data)[0].file
            for zeta in ("DZVP", "TZVP", "TZV2P")
            for family in ("GGA-GTH", "SR-GTH")
        ]
        assert all(name.endswith("-q4") for name in names)
        with fails(FailureKind.UNSUPPORTED_ELEMENT, "TZVP-MOLOPT-SR-GTH for Cl"):
            entries(["Cl"], "TZVP-MOLOPT-SR-GTH", here.cp2k_data)

    def test_other_data_files_are_refused(self, here: RunLocation) -> None:
        settings = complete_settings(CHEAP, host_of(molecule("HCl")))
        other = settings.pseudopotentials[0].model_copy(update={"md5": "0" * 32})
        changed = settings.model_copy(update={"pseudopotentials": (other,)})
        with fails(FailureKind.PSEUDOPOTENTIAL_DIFFERS):
            Cp2kEngine(changed, here)


def test_a_missing_program_is_named(here: RunLocation) -> None:
    settings = CHEAP.model_copy(update={"basis_set": "DZVP-MOLOPT-GGA-GTH"})
    with fails(FailureKind.PROGRAM_NOT_FOUND, "PVKDB_CP2K_COMMAND"):
        Cp2kEngine(settings, replace(here, cp2k_command=("no-such-cp2k",)))


def test_missing_data_are_named(tmp_path: Path) -> None:
    with fails(FailureKind.PSEUDOPOTENTIAL_MISSING, "PVKDB_CP2K_DATA"):
        entries(["Pb"], "DZVP-MOLOPT-GGA-GTH", tmp_path)


def test_settings_of_other_codes_keep_their_content() -> None:
    """Fields that came later are left out where they are not set: content keys stay."""
    assert not {"basis_set", "dispersion"} & set(DftSettings().model_dump())
    again = DftSettings.model_validate(CHEAP.model_dump())
    assert again == CHEAP
