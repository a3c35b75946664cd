"""What a vacancy's chemical potentials are taken from."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations import PotentialName
from pvkdb_pipelines.prototypes import compound_of
from pvkdb_pipelines.screening.stages.vacancies import element_requests, reference_compounds


def names(formula: str) -> set[str]:
    return {other.formula for other in reference_compounds(compound_of(parse_composition(formula)))}


def test_both_charges_of_tin_limit_the_iodine() -> None:
    """Cs2SnI6 appears beside CsSnI3 where iodine is plentiful, CsSnI3 beside Cs2SnI6 where not."""
    assert {"SnI4", "Cs2SnI6", "SnI2", "CsI", "Cs4SnI6"} <= names("CsSnI3")
    assert {"SnI2", "CsSnI3", "SnI4", "CsI"} <= names("Cs2SnI6")
    assert "CsSnI3" not in names("CsSnI3")


def test_one_charge_leaves_what_it_decomposes_into() -> None:
    assert names("Cs3Bi2I9") == {"CsI", "BiI3", "Cs3BiI6"}


@pytest.mark.parametrize(
    ("formula", "symbols"), [("CsPbBr3", ["Br", "Pb"]), ("Cs2AgBiBr6", ["Br", "Ag", "Bi"])]
)
def test_the_halogen_and_the_metals_are_references(formula: str, symbols: list[str]) -> None:
    requests = element_requests(compound_of(parse_composition(formula)), PotentialName.CHGNET)
    assert [request.symbol for request in requests] == symbols
