"""Structures as files of other programs, and what their comments say."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from pvkdb.schemas.tables import StructureDocument
from pvkdb.store.files.structure_files import StructureFormat, document_text

DOCUMENT = StructureDocument.model_construct(
    id="s1", material="CsCl-\x1b[2J", role="start",
    origin="their\x9b31m file\u2028\n_cell_length_a 1", parent=None, calculation=None,
    space_group=None, energy_ev=-7.0, symbols=["Cs", "Cl"],
    cell_ang=[[4.1, 0, 0], [0, 4.1, 0], [0, 0, 4.1]],
    positions_ang=[[0, 0, 0], [2.05, 2.05, 2.05]],
)  # fmt: skip


@pytest.mark.parametrize("format", get_args(StructureFormat))
def test_a_comment_has_one_line_and_no_signs_that_steer_a_terminal(format: StructureFormat) -> None:
    text = document_text(DOCUMENT, format)
    assert re.search(r"[^\n -~Å]", text) is None
    assert "CsCl-[2J" in text
    assert "their31m file _cell_length_a 1" in text
    assert not [line for line in text.split("\n") if line.startswith("_cell_length_a 1")]


def test_the_energy_of_a_cif_with_a_smaller_cell_is_that_of_the_stored_atoms() -> None:
    cell = [[8.2, 0, 0], [0, 4.1, 0], [0, 0, 4.1]]
    places = [[0, 0, 0], [2.05, 2.05, 2.05], [4.1, 0, 0], [6.15, 2.05, 2.05]]
    twice = {"symbols": ["Cs", "Cl"] * 2, "cell_ang": cell, "positions_ang": places}
    text = document_text(DOCUMENT.model_copy(update=twice | {"energy_ev": -14.0}), "cif")
    assert "_cell_length_a   4.1" in text
    assert "energy -14.000000 eV of 4 atoms" in text
