"""Band gaps: edges of levels, what has none, and pw.x beside another code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from pydantic import ValidationError

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.electrons import GapRequest, GapResult
from pvkdb.store.database import Store
from pvkdb_pipelines.dft.codes.levels import Levels, read_levels
from pvkdb_pipelines.electrons.gaps import compute_gap, gap_of, gap_settings
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.work.worker import Worker

from ...queueing import enqueued
from ..conftest import fails

Γ, R = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5)


def perovskite(formula: str, edge_ang: float) -> Atoms:
    """A cubic ABX3, e.g. ``CsCaCl3``."""
    places = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)]
    return Atoms(formula, scaled_positions=places, cell=[edge_ang] * 3, pbc=True)


def levels(*spins: list[list[float]], electrons: float, occupied: tuple[int, ...]) -> Levels:
    return Levels(np.array(spins), np.array([Γ, R]), occupied, electrons)


def test_an_indirect_gap_lies_between_two_k_points() -> None:
    found = gap_of(levels([[0, 1, 4], [0, 2, 5]], electrons=4, occupied=(2,)), "AB")
    assert (found["gap_ev"], found["direct_gap_ev"]) == (2, 3)
    assert found["valence_maximum"].kpoint == R
    assert found["conduction_minimum"].kpoint == Γ


def test_the_edges_of_a_magnet_can_have_different_spins() -> None:
    up, down = [[0, 1, 6], [0, 2, 6]], [[0, 3, 6], [0, 3.5, 6]]
    found = gap_of(levels(up, down, electrons=3, occupied=(2, 1)), "AB")
    assert found["gap_ev"] == 1
    assert found["valence_maximum"].spin == "up"
    assert found["conduction_minimum"].spin == "down"


def test_overlapping_bands_are_a_failure_that_says_what_helps() -> None:
    with fails(FailureKind.NO_GAP, r"overlap by 0\.50 eV.*give magnetization_mub"):
        gap_of(levels([[0, 1, 1.5], [0, 2, 3]], electrons=4, occupied=(2,)), "AB")


@pytest.mark.parametrize("lsda", [False, True])
def test_levels_are_read_from_the_file_of_pw(tmp_path: Path, lsda: bool) -> None:
    spins = (
        "<lsda>true</lsda><nbnd_up>3</nbnd_up><nbnd_dw>3</nbnd_dw>"
        if lsda
        else "<lsda>false</lsda>"
    )
    values = "0 1 3 0.5 2 3" if lsda else "0 1"
    total = 1 if lsda else 0
    file = tmp_path / "data-file-schema.xml"
    file.write_text(
        f"<espresso><output><magnetization><total>{total}</total></magnetization><basis_set>"
        "<reciprocal_lattice><b1>1 0 0</b1><b2>0 0.5 0</b2><b3>0 0 1</b3></reciprocal_lattice>"
        f"</basis_set><band_structure>{spins}<noncolin>false</noncolin><nelec>{3 if lsda else 2}"
        "</nelec><ks_energies><k_point weight='1'>0.5 0.25 0</k_point>"
        f"<eigenvalues size='2'>{values}</eigenvalues></ks_energies></band_structure></output>"
        "</espresso>"
    )
    found = read_levels(file)
    assert found.occupied == ((2, 1) if lsda else (1,))
    assert found.kpoints.tolist() == [[0.5, 0.5, 0]]  # in units of the reciprocal vectors
    hartree_ev = 27.2113862
    np.testing.assert_allclose(found.lowest_ev[-1], [(2 if lsda else 1) * hartree_ev], rtol=1e-6)


def test_an_odd_number_of_electrons_needs_a_moment() -> None:
    request = GapRequest(formula="CsVCl3", structure=host_of(perovskite("CsVCl3", 5.4)))
    with fails(FailureKind.OPEN_SHELL, "give magnetization_mub"):
        compute_gap(request)


def test_a_large_cell_is_refused_with_its_size() -> None:
    atoms = perovskite("CsCaCl3", 5.4).repeat(3)
    atoms.positions[0] += 0.3  # not a repeated small cell
    with fails(FailureKind.TOO_LARGE, "135 atoms"):
        compute_gap(GapRequest(formula="CsCaCl3", structure=host_of(atoms)))


def test_grids_are_even_so_that_they_hold_the_edge_of_the_zone() -> None:
    host = host_of(perovskite("CsPbI3", 6.3))
    settings = gap_settings(GapRequest(formula="CsPbI3", structure=host), host)
    assert settings.kpoint_grid == (4, 4, 4)  # 2.5 would do
    assert (settings.cutoff_wfc_ry, settings.cutoff_rho_ry) == (30, 180)
    own = GapRequest(formula="CsPbI3", structure=host, kpoint_grid=(3, 3, 3), cutoff_wfc_ry=25)
    assert gap_settings(own, host).kpoint_grid == (3, 3, 3)
    assert gap_settings(own, host).cutoff_rho_ry == 150


@pytest.mark.slow
@pytest.mark.usefixtures("pw")
def test_a_worker_computes_the_gap_of_a_repeated_cell_as_that_of_the_small_one(
    store: Store,
) -> None:
    """CsCaCl3 has 5.37 eV by PBE in cubic cells (VASP; mannodiarun/perovs_ml, Data.csv)."""
    twice = perovskite("CsCaCl3", 5.40).repeat((2, 1, 1))
    request = GapRequest(formula="CsCaCl3", structure=host_of(twice), cutoff_wfc_ry=25)
    done = Worker(store).run(enqueued(store, request))
    result = GapResult.model_validate(done.result)
    assert result.atoms == len(result.structure.symbols) == 5
    assert result.space_group == "Pm-3m"
    assert result.gap_ev == pytest.approx(5.37, abs=0.15)
    assert result.direct_gap_ev > result.gap_ev  # the valence band is highest at R
    assert np.abs(result.valence_maximum.kpoint).tolist() == [0.5, 0.5, 0.5]
    assert "below the 40/320 Ry that SSSP recommends" in result.remarks[0]
    with pytest.raises(ValidationError, match="is not that of edges"):
        GapResult.model_validate(result.model_dump() | {"gap_ev": 4.0, "direct_gap_ev": 4.0})
