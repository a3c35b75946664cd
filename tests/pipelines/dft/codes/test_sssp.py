"""Pseudopotentials: the table is the library's, the files are the table's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.dft.codes import sssp
from pvkdb_pipelines.dft.codes.runs import DEBIAN_PSEUDO_DIR


@pytest.mark.parametrize(
    ("element", "wfc", "rho"),
    # SSSP PBE efficiency 1.3.0, the elements of the review.
    [
        ("Cs", 30, 240),
        ("Pb", 40, 320),
        ("I", 35, 280),
        ("Br", 30, 240),
        ("Cl", 40, 320),
        ("Sn", 60, 480),
        ("Ge", 40, 320),
        ("Bi", 45, 360),
        ("Sb", 40, 320),
        ("Ag", 50, 200),
        ("In", 50, 400),
        ("Cu", 90, 720),
        ("C", 45, 360),
        ("N", 60, 480),
        ("H", 60, 480),
    ],
)
def test_the_recommended_cutoffs(element: str, wfc: float, rho: float) -> None:
    entry = sssp.table()[element]
    assert (entry.cutoff_wfc_ry, entry.cutoff_rho_ry) == (wfc, rho)


def test_the_density_needs_at_least_four_times_the_cutoff_of_the_wave_functions() -> None:
    assert len(sssp.table()) == 103
    for entry in sssp.table().values():
        assert entry.cutoff_rho_ry >= 4 * entry.cutoff_wfc_ry
        assert len(entry.file.md5) == 32


@pytest.mark.usefixtures("pw")
def test_every_file_of_the_system_is_the_one_of_the_table() -> None:
    files = [entry.file for entry in sssp.table().values()]
    sssp.require_files(files, DEBIAN_PSEUDO_DIR)


def test_an_element_without_a_file_is_a_typed_failure() -> None:
    with pytest.raises(CalculationFailedError, match="no pseudopotential for Rf") as caught:
        sssp.entries(["Cs", "Rf"])
    assert caught.value.kind is FailureKind.UNSUPPORTED_ELEMENT


def test_a_missing_file_and_a_changed_one_are_told_apart(tmp_path: Path) -> None:
    file = sssp.table()["I"].file
    with pytest.raises(CalculationFailedError, match="quantum-espresso-data-sssp") as missing:
        sssp.require_files([file], tmp_path)
    assert missing.value.kind is FailureKind.PSEUDOPOTENTIAL_MISSING
    (tmp_path / file.file).write_text("<UPF>another</UPF>")
    with pytest.raises(CalculationFailedError, match=file.md5) as differs:
        sssp.require_files([file], tmp_path)
    assert differs.value.kind is FailureKind.PSEUDOPOTENTIAL_DIFFERS
