"""Which material the name of a device tells."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from pvkdb.store.database import Store
from pvkdb.store.models.materials import Material
from pvkdb.suitability.evidence.absorbers import Absorbers, ends_of
from pvkdb.suitability.evidence.devices import device_candidates


@pytest.mark.parametrize(
    ("label", "material"),
    [
        ("MAPbI3/Au in via-holes, sequential vapor deposition", "MAPbI3"),
        ("Au/MAPbI3:Ag/Au with threshold switch", "MAPbI3"),  # a dopant is left out
        ("Cs3Sb2I9, dimer", "Cs3Sb2I9-dimer"),
        ("Cs3Sb2I9, layered", "Cs3Sb2I9-layered"),
        ("Cs3Sb2I9", "Cs3Sb2I9"),
        ("IGZO transistor with CsPbBr3 quantum dots, 3T", None),
        ("memristor with tip-shaped Au bottom contact", None),
        ("Au/triple-cation perovskite/ITO", None),
        ("CsPbBr3 beside CsPbI3", None),
        ("", None),
    ],
)
def test_a_name_tells_one_material_or_none(
    sqlite_store: Store, label: str, material: str | None
) -> None:
    with sqlite_store.session(read_only=True) as session:
        absorbers = Absorbers(session.scalars(select(Material)).unique())
        assert absorbers.named_in(label) == material


def test_devices_of_the_text_have_their_absorber_and_electrodes(sqlite_store: Store) -> None:
    with sqlite_store.session(read_only=True) as session:
        found = {each.id: each for each in device_candidates(session)}
    assert found["c-s5.3.1-001"].material == "MAPbI3"
    assert found["c-s6.2.2-019"].electrodes == ("ITO", "Ag")
    assert found["d-t4-r06"].electrodes == ("Au", "Ag", "ITO")
    assert ends_of("/") == ends_of("MAPbI3, unipolar") == ()
