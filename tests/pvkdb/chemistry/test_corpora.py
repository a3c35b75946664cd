"""Names as the review and device databases print them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.errors import FormulaError

from ...each import for_each

DATA = Path(__file__).resolve().parents[2] / "data"


def lines(name: str) -> list[str]:
    text = (DATA / name).read_text(encoding="utf-8")
    return [line for line in text.split("\n") if line and not line.startswith("#")]


REVIEW = lines("review_material_names.txt")
DATABASES = [line.partition("\t") for line in lines("device_database_names.txt")]


def total_charge_is_recorded(composition: Composition) -> bool:
    charge = sum(o.ion.charge * o.amount for o in composition.occupants if o.amount is not None)
    is_open = any(occupant.amount is None for occupant in composition.occupants)
    return is_open or charge == composition.excess_charge


@for_each("name", REVIEW)
def test_every_material_name_of_the_review_parses(name: str) -> None:
    composition = parse_composition(name)
    assert parse_composition(composition.formula) == composition
    assert total_charge_is_recorded(composition)


def test_the_names_are_those_that_the_review_prints(review: list[str]) -> None:
    text = "\n".join(review)
    places = [text.find(name) for name in REVIEW]
    assert -1 not in places
    assert places == sorted(places)
    assert len(set(REVIEW)) == len(REVIEW) == 132


@pytest.mark.parametrize(
    ("name", "formula", "family"),
    [
        ("α/δ-FA_{0.33}MA_{0.33}CS_{0.33}PbI₃", "Cs0.33FA0.33MA0.33PbI3", "3D"),
        (r"$\text{MAPb}_{1-x}\text{Br}_{3-x}$", "MAPb1-xBr3-x", "3D"),
        ("(A_{DJ})-(MA)_{n-1}Pb_nX_{3n+1}", "(ADJ)MAn-1PbnX3n+1", "DJ"),
        (r"$[\text{R-}\alpha\text{-MBA}]\text{PbI}_3$", "(MBA)PbI3", "1D"),
        (r"$[\text{Bnz}]\text{PbI}_3$", "(Bnz)PbI3", "1D"),
        (r"$\text{A}_2\text{B}'\text{B}''\text{X}_6$", "A2B'B''X6", "double"),
        ("[*(R)*-(−)-1-cyclohexylethylammonium]PbI₃", "(CYHEA)PbI3", "1D"),
        ("MAPbI ₃ :ADNH ₃ I", "MAPbI3:ADNH3I", "3D"),
        ("(3-AMP)(MA) _{n−1} Pb _n X _{3n+1}", "(3-AMP)MAn-1PbnX3n+1", "DJ"),
        (
            r"$(\text{BA})_2\text{MA}_4(\text{Pb}_{0.5}\text{Sn}_{0.5})_5\text{I}_{16}$",
            "(BA)2MA4Pb2.5Sn2.5I16",
            "RP",
        ),
        ("(NH₂CINH₂)₃PbI₅", "(IFA)3PbI5", "1D"),
        ("(C₆H₅C₂H₄NH₃)₂PbI₄", "(PEA)2PbI4", "RP"),
        (r"$\text{CH}_3\text{NH}_3\text{BX}_3$", "MABX3", "3D"),
        (r"$\text{CH}_3\text{NH}_3\text{PbI}_3\text{-Cl}$", "MAPbI3:Cl", "3D"),
        ("CsMAFAPbIBr", "(Cs,FA,MA)Pb(I,Br)", "undetermined"),
        ("AgBiI₄", "AgBiI4", "rudorffite"),
    ],
)
def test_difficult_names_of_the_review(name: str, formula: str, family: str) -> None:
    assert name in REVIEW
    composition = parse_composition(name)
    assert (composition.formula, composition.family) == (formula, family)


@for_each(
    "misprint",
    [
        *(
            "(A_{RP})(MA)_{n-1}PbX_{3n+1}",
            r"$\text{FA}[\text{Pb}_{0.5}\text{Sn}_{0.5}]\text{PbI}_3$",
        ),
        *(r"$\text{Cs}_2\text{Bi}_2\text{I}_9$", r"$\text{BDA}_2\text{MA}_{n-1}\text{Pb}_{n+1}$"),
        *("(PEA) ₂ Cs ₃ Pb ₄ I _{1.3}", "3AMPPI₄", "(Cs/MA/FA)PbBr₃", "CsPbCl₃-CsPbBr₃"),
        *("[PbX₆]⁴⁻", "PbI₂"),
    ],
)
def test_misprints_and_fragments_of_the_review_are_refused(misprint: str) -> None:
    with pytest.raises(FormulaError):
        parse_composition(misprint)


def test_names_of_device_databases() -> None:
    assert len(DATABASES) == 200
    refused = {}
    for name, _, _ in DATABASES:
        try:
            composition = parse_composition(name)
        except FormulaError as error:
            refused[name] = str(error)
            continue
        assert parse_composition(composition.formula) == composition, name
        assert total_charge_is_recorded(composition), name
    assert refused.keys() == {name for name, _, reason in DATABASES if reason}, refused
    assert len(refused) <= 10
