"""What the phases of a composition say of it."""

from __future__ import annotations

import pytest

from pvkdb.suitability.evidence.phases import not_perovskite

#: Energies in eV an atom; SevenNet-0 has 2H and 6H of CsCdCl3 below Pnma.
LEVELS = {"sevennet-0": {"perovskite": -3.10, "faces": -3.12, "other": -9.0}}


@pytest.mark.parametrize(
    ("formula", "phases", "energies", "told"),
    [
        ("CsCdCl3", {"perovskite": "Pnma", "faces": "6H"}, LEVELS, "6H"),
        ("CsPbI3", {"perovskite": "Pnma", "faces": "delta"}, LEVELS, "delta"),
        ("CsPbI3", {"any": None, "faces": "delta"}, LEVELS, None),  # of the literature
        ("CsCdCl3", {"faces": "2H"}, {}, "2H"),
        ("CsCdCl3", {"perovskite": "Pnma", "faces": "2H"}, {}, None),  # the lowest is not known
        ("Cs2AgBiBr6", {"double": "P2_1/n"}, {}, None),
        ("<b>a/b</b>", {"edited": "2H"}, {}, None),  # an edited row
        ("Cs2SnI6", {"vacant": "Fm-3m"}, {}, None),  # its family says it
    ],
)
def test_tau_has_no_meaning_where_octahedra_share_faces_or_edges(
    formula: str, phases: dict[str, str | None], energies: dict, told: str | None
) -> None:
    found = not_perovskite(formula, phases, (), energies)
    assert found == (told and f"tau has a meaning for perovskites, and its phase is {told}")
