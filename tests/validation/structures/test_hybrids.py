"""The page docs/validation/hybrids.md shows its numbers and judges them by its bounds."""

from __future__ import annotations

import pytest

from validation.structures.hybrids import PAGE, Relaxed, cells, line, render


def test_the_page_shows_the_stored_numbers():
    assert PAGE.read_text(encoding="utf-8") == render()


@pytest.mark.parametrize(
    ("formula", "lengths_ang", "volume_ang3", "passed"),
    [
        ("FAPbI3", (6.4, 6.4, 6.4), 6.45**3, True),
        ("FAPbI3", (6.6, 6.6, 6.6), 6.6**3, False),
        ("BA2PbI4", (8.5, 9.1, 26.5), 8.5 * 9.1 * 26.5 / 4, True),
        ("BA2PbI4", (8.3, 8.9, 27.6), 8.3 * 8.9 * 27.6 / 4, False),  # only c is out of bounds
    ],
)
def test_cells_are_judged_by_volume_and_layers_by_axes(formula, lengths_ang, volume_ang3, passed):
    cell = next(each for each in cells() if each.compound == formula)
    known = {"compound": formula, "phase": cell.phase, "potential": "sevennet-0"}
    found = Relaxed(**known, lengths_ang=lengths_ang, volume_ang3=volume_ang3)
    assert line(cell, found)[1] == passed
