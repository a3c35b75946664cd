"""Defect labels and reported intervals."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import Defect, Interval
from pvkdb.errors import InputError

from ...each import for_each


@for_each(
    ("label", "kind", "species"),
    [
        *((f"V_{ion}", "vacancy", ion) for ion in ("I", "MA", "Pb", "X")),
        *((f"{ion}_i", "interstitial", ion) for ion in ("I", "Ag", "3-AMP")),
        ("MA_Pb", "antisite", "MA"),
        *(
            ("V_Cs+V_Br", "salt", "CsBr"),
            ("V_Pb+2V_I", "salt", "PbI2"),
            ("V_MA+V_I", "salt", "MAI"),
        ),
        *((ion, "ion", ion) for ion in ("I", "MA", "Cs", "X", "3-AMP", "ion")),  # alone, no defect
    ],
)
def test_labels_are_read(label: str, kind: str, species: str) -> None:
    defect = Defect.parse(label)
    assert (defect.label, defect.kind, defect.species) == (label, kind, species)


@pytest.mark.parametrize(
    "label",
    ["", "V", "V_", "_I", "V_i", "v_I", "V_I+", "V_Pb+1V_I", "V_Cs+I_i", "12", "ions", "ion_i"],
)
def test_what_is_no_label_is_refused(label: str) -> None:
    with pytest.raises(InputError, match="is not a defect"):
        Defect.parse(label)


def test_vacancies_that_keep_the_charge_are_those_of_one_cation_and_its_halides() -> None:
    salt = Defect.parse("V_Pb+2V_I")
    assert salt == Defect.salt("Pb", "I", 2)
    assert [each.label for each in salt.parts] == ["V_Pb", "V_I"]
    assert salt.charges({"Cs": 1, "Pb": 2, "I": -1}) == range(1)
    assert Defect.parse("V_I").parts == (Defect.vacancy("I"),)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval.exactly(0.35), "0.35"),
        (Interval(0.13, 1.87), "0.13–1.87"),
        (Interval(1.2, None, bound="lower"), "> 1.2"),
        (Interval(0.3, 0.3, approximate=True), "~0.3"),
    ],
)
def test_intervals_print_as_the_literature_does(interval: Interval, text: str) -> None:
    assert str(interval) == text


def test_impossible_intervals_are_refused() -> None:
    with pytest.raises(InputError, match="above the maximum"):
        Interval(2.0, 1.0)
    with pytest.raises(InputError, match="needs a minimum or a maximum"):
        Interval(None, None)
