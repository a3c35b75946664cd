"""The registry of ions: charges, names and radii."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from pvkdb.chemistry import ion, parse_composition, radii, tolerance_factors
from pvkdb.chemistry.ions import (
    MolecularIon,
    elements,
    ions_without_radius,
    molecular_ions,
    names,
    sources,
)
from pvkdb.errors import MissingRadiusError

from ...each import for_each

REGISTRY = list(molecular_ions().values())


def charge_of_smiles(smiles: str) -> int:
    return sum(
        int(sign + (size or "1")) for sign, size in re.findall(r"\[[^\]]*?([+-])(\d*)\]", smiles)
    )


def counts(formula: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for element, count in re.findall(r"([A-Z][a-z]?)(\d*)", formula):
        found[element] += int(count or 1)
    return found


def charge_of_formula(entry: MolecularIon) -> int:
    """The charge from rings and multiple bonds of the SMILES and the atoms of the formula.

    A neutral molecule has (2 C + 2 + N + P - H - halogens) / 2 rings and double bonds; each
    proton adds a charge and a hydrogen atom.
    """
    smiles = re.sub(r"\[[^\]]*\]", "Z", entry.smiles)  # charged atoms hold no bonds of their own
    rings = len(re.findall(r"\d", smiles)) // 2
    bonds = smiles.count("=") + 2 * smiles.count("#") + len(re.findall(r"c", smiles)) // 2
    n = counts(entry.formula)
    halogens = sum(n[element] for element in ("F", "Cl", "Br", "I"))
    return 2 * (rings + bonds) - (2 * n["C"] + 2 + n["N"] + n["P"] - n["H"] - halogens)


@for_each("entry", REGISTRY, lambda entry: entry.symbol)
def test_the_charge_follows_from_smiles_and_formula(entry: MolecularIon) -> None:
    assert entry.charge == charge_of_smiles(entry.smiles)
    hypervalent = {"TPY", "PF6", "BF4", "NO3", "MNBA"}
    if entry.symbol not in hypervalent:  # a carbocation and atoms with more bonds than usual
        assert entry.charge == charge_of_formula(entry), entry.smiles
    assert (entry.charge < 0) == (entry.role == "X")


@for_each("entry", REGISTRY, lambda entry: entry.symbol)
def test_heavy_atoms_of_smiles_and_formula_agree(entry: MolecularIon) -> None:
    atoms = Counter(
        symbol.capitalize() for symbol in re.findall(r"Cl|Br|Se|[BCNOFPSI]|[cns]", entry.smiles)
    )
    heavy = counts(entry.formula)
    del heavy["H"]
    assert atoms == heavy


def test_symbols_are_their_own_and_no_element() -> None:
    assert len({entry.symbol for entry in REGISTRY}) == len(REGISTRY)
    assert not {entry.symbol for entry in REGISTRY} & elements()
    for entry in REGISTRY:
        assert names()[entry.symbol] == (entry.symbol,)


@for_each("entry", REGISTRY, lambda entry: entry.symbol)
def test_every_ion_is_read_back_from_a_formula(entry: MolecularIon) -> None:
    if entry.role == "X":
        formula = f"CsPbI2.9({entry.symbol})0.1"
    else:
        formula = f"({entry.symbol})2Pb{entry.charge}I{4 * entry.charge}"
    composition = parse_composition(formula)
    assert entry.ion in {occupant.ion for occupant in composition.occupants}
    assert composition.balanced
    assert parse_composition(composition.formula) == composition


def test_every_source_is_known_and_departures_have_a_reason() -> None:
    assert {entry.source for entry in REGISTRY} <= sources().keys()
    for symbol in ("3-AMP", "PMA", "MBA", "BiIM", "DDA", "PEI", "MNBA"):
        assert molecular_ions()[symbol].note


@for_each(
    ("name", "symbol"),
    [
        *(("CH3NH3", "MA"), ("NH2CHNH2", "FA"), ("C2H5NH3", "EA"), ("CH3CH2NH3", "EA")),
        *(("C6H5C2H4NH3", "PEA"), ("C6H5CH2CH2NH3", "PEA"), ("C4H9NH3", "BA"), ("n-BA", "BA")),
        *(("iBA", "IBA"), ("C8H17NH3", "OA"), ("C(NH2)3", "GA"), ("(CH3)2NH2", "DMA")),
        *(("5-AVA", "AVA"), ("3AMP", "3-AMP"), ("4-AMP", "4-AMP"), ("4-F-PEA", "FPEA")),
        *(("4F-PEA", "FPEA"), ("m-F-PEA", "mFPEA"), ("p-Br-PEA", "BrPEA")),
        *(("H3NC4H8NH3", "BDA"), ("en", "EDA"), ("NH2CINH2", "IFA"), ("R-α-MBA", "MBA")),
        *(("Ac", "OAc"), ("NA", "NA")),
    ],
)
def test_what_people_write(name: str, symbol: str) -> None:
    assert names()[name][0] == symbol
    assert ion(name) == molecular_ions()[symbol].ion


def test_an_ambiguous_abbreviation_follows_the_balance() -> None:
    # Ac is acetate in MAPbI2.8Ac0.2 and actinium where only Ac3+ balances.
    assert parse_composition("MAPbI2.8Ac0.2").formula == "MAPbI2.8(OAc)0.2"
    assert parse_composition("Cs3Ac2I9").on("B")[0].ion.charge == 3
    # TN is 1,3-propanediammonium with one proton or two.
    assert parse_composition("(TN)2PbI4").on("A")[0].ion.charge == 1
    assert parse_composition("(TN)PbI4").on("A")[0].ion.charge == 2
    # GABA is one ion; without brackets, guanidinium and butylammonium where only that balances.
    assert parse_composition("(GABA)2PbI4").formula == "(GABA)2PbI4"
    assert parse_composition("GABAPbI4").formula == "(BA)GAPbI4"


def test_indium_is_in_plus_where_only_that_balances() -> None:
    """Without a radius: Shannon's table has none of In+."""
    bismuth, indium = parse_composition("Cs2InBiCl6").on("B")[::-1]
    assert (bismuth.ion.symbol, indium.ion.charge) == ("Bi", 1)
    assert {o.ion.charge for o in parse_composition("Cs2AgInCl6").on("B")} == {1, 3}
    with pytest.raises(MissingRadiusError, match=r"In\+"):
        tolerance_factors(parse_composition("Cs2InBiCl6"))
    assert set(ions_without_radius().values()) <= sources().keys()


def test_published_radii_are_unchanged(data: Path) -> None:
    """The figures of Shannon's table as Bartel et al. transcribe it, and those of molecules."""
    ours = {radius.ion.symbol: radius.radius_ang for radius in radii() if radius.ion.molecular}
    with (data / "organic_cation_radii.csv").open(encoding="utf-8") as lines:
        published = {row["abbreviation"]: float(row["r_eff_A"]) for row in csv.DictReader(lines)}
    assert ours == published
    assert len(radii()) == 509
    assert len([radius for radius in radii() if radius.source == "shannon1976"]) == 492
