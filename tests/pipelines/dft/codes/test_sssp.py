"""Pseudopotentials: the table is the library's, the files are the table's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.dft.codes import sssp
from pvkdb_pipelines.dft.codes.runs import DEBIAN_PSEUDO_DIR

from ...conftest import fails


@pytest.mark.parametrize(
    ("wfc_ry", "rho_ry", "elements"),
    # SSSP PBE efficiency 1.3.0, the elements of the review.
    [
        (30, 240, "Cs Br"),
        (35, 280, "I"),
        (40, 320, "Pb Cl Ge Sb"),
        (45, 360, "Bi C"),
        (50, 200, "Ag"),
        (50, 400, "In"),
        (60, 480, "Sn N H"),
        (90, 720, "Cu"),
    ],
)
def test_the_recommended_cutoffs(wfc_ry: float, rho_ry: float, elements: str) -> None:
    for element in elements.split():
        entry = sssp.table()[element]
        assert (entry.cutoff_wfc_ry, entry.cutoff_rho_ry) == (wfc_ry, rho_ry), element


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
    with fails(FailureKind.UNSUPPORTED_ELEMENT, "no pseudopotential for Rf"):
        sssp.entries(["Cs", "Rf"])


def test_a_missing_file_and_a_changed_one_are_told_apart(tmp_path: Path) -> None:
    file = sssp.table()["I"].file
    with fails(FailureKind.PSEUDOPOTENTIAL_MISSING, "quantum-espresso-data-sssp"):
        sssp.require_files([file], tmp_path)
    (tmp_path / file.file).write_text("<UPF>another</UPF>")
    with fails(FailureKind.PSEUDOPOTENTIAL_DIFFERS, file.md5):
        sssp.require_files([file], tmp_path)
