"""What the phases of a composition say of it."""

from __future__ import annotations

import pytest

from pvkdb.suitability.evidence.phases import not_perovskite

#: Energies in eV an atom; the second are within the error of 11.6 meV.
LEVELS = {"sevennet-0": {"perovskite": -3.10, "faces": -3.12, "other": -9.0}}
NEAR = {"sevennet-0": {"perovskite": -3.10, "faces": -3.11}}


@pytest.mark.parametrize(
    ("formula", "phases", "energies", "told"),
    [
        ("RbCdCl3", {"perovskite": "Pnma", "faces": "6H"}, LEVELS, "6H"),
        ("RbSnBr3", {"perovskite": "Pnma", "faces": "delta"}, LEVELS, "delta"),
        ("RbSnBr3", {"perovskite": "Pnma", "faces": "delta"}, NEAR, None),  # undecided
        ("CsPbI3", {"perovskite": "Pnma", "faces": "delta"}, LEVELS, None),  # it was measured
        ("RbSnBr3", {"any": None, "faces": "delta"}, LEVELS, None),  # of the literature
        ("RbCdCl3", {"faces": "2H"}, {}, "2H"),
        ("RbCdCl3", {"perovskite": "Pnma", "faces": "2H"}, {}, None),  # the lowest is not known
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


def test_a_measured_phase_without_shared_corners_is_no_perovskite() -> None:
    found = not_perovskite("CsCdCl3", {"perovskite": "Pnma"}, (), {})
    assert found == "tau has a meaning for perovskites, and 6H was measured"
