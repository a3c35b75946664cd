"""Plans are checked before anything runs; a problem names the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase.io import write

from pvkdb.chemistry import parse_composition
from pvkdb_pipelines.potentials.loading import PERMITTED, require_permitted
from pvkdb_pipelines.prototypes import build
from pvkdb_pipelines.screening.plan.conditions import PlanCondition
from pvkdb_pipelines.screening.plan.plan import (
    Plan,
    PlanError,
    parse_plan,
    read_plan,
    shipped_plans,
)

GOOD = """\
title = "Lead"
types = ["ABX3"]
potential = "chgnet"   # or sevennet-0
stop_after = "tolerance"

[ions]
A = ["Cs"]
B = ["Pb", "Sn2+"]
X = ["I", "Br"]

[filters]
tolerance = ["tau < 4.18", "mu >= 0.4"]
"""


def test_a_plan_says_what_will_be_done() -> None:
    plan = parse_plan(GOOD)
    formulas = [entry.composition.formula for entry in plan.candidates()]
    assert formulas == ["CsPbI3", "CsPbBr3", "CsSnI3", "CsSnBr3"]
    assert {entry.name.partition(" ")[2] for entry in plan.candidates()} == {"(ABX3)"}
    assert [*map(str, plan.filters["tolerance"])] == ["tau < 4.18", "mu >= 0.4"]


def test_a_plan_may_name_a_function_of_its_owner(tmp_path, monkeypatch):
    (tmp_path / "own_potential.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(PERMITTED, "")
    text = GOOD.replace('"chgnet"', '"own_potential:make"').replace('"tolerance"\n', '"barrier"\n')
    plan = parse_plan(f'{text}[barriers]\npotentials = ["own_potential:make", "chgnet"]\n')
    assert str(plan.potential).startswith("own_potential:make@e3b0c44298fc1c14")  # an empty file
    assert plan.barriers.potentials == (plan.potential, "chgnet")
    require_permitted(str(plan.potential))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('"Pb", ', '"Xy", ', 8, "'Xy' is not an ion"),
        ('"Pb", ', '"Pb5+", ', 8, "no such charge"),
        ('"Pb", ', '"I", ', 8, "wrong sign of charge"),
        ('"Pb", ', "82, ", 8, "82 is not an ion"),
        ('"Pb", "Sn2+"', '"Bi3+"', 2, "no neutral composition"),
        ('["ABX3"]', '["ABX4"]', 2, "no type 'ABX4'; did you mean 'A2BX4'"),
        ('["ABX3"]', "[]", 2, "not a list of some of ABX3"),
        ('"tau < 4.18"', '"tua < 4.18"', 12, "did you mean 'tau'"),
        ('"tau < 4.18"', '"tau is small"', 12, "not a condition"),
        ("tolerance = [", "structure = [", 12, "no key 'structure'"),
        ('tolerance = ["tau < 4.18"', 'stability = ["tau < 4.18"', 12, "no column 'tau'"),
        ('stop_after = "tolerance"', 'stop_after = "enumerate"', 12, "filters.tolerance follows"),
        ('stop_after = "tolerance"', 'stop_after = "forever"', 4, "no stop_after 'forever'"),
        ('potential = "chgnet"', 'potential = "mace"', 3, "known: chgnet, sevennet-0"),
        ("[ions]", "[iosn]", 6, "did you mean 'ions'"),
        ('A = ["Cs"]', "A = []", 7, "must be a list of ions"),
        ('X = ["I", "Br"]', 'x = ["I", "Br"]', 9, "no key 'x'"),
        ("[filters]", "[mixing]\nX = 1.5\n[filters]", 12, "is not a share"),
        ("[filters]", '[phases]\nABX3 = ["Pnma", "K2PtCl6"]\n[filters]', 12, "no ABX3 prototype"),
        ("[filters]", '[phases]\nABX4 = ["Pnma"]\n[filters]', 12, "no key 'ABX4'"),
        ("[filters]", '[phases]\nABX3 = ["delta"]\n[filters]', 12, "needs one of its own phases"),
        ('X = ["I", "Br"]', 'X = ["I", "Pb2+"]', 9, "'Pb2.' cannot occupy the X site"),
        ('A = ["Cs"]', 'A = ["Cs", "I"]', 7, "'I' cannot occupy the A site"),
        ('B = ["Pb", "Sn2+"]', 'B = [["Pb"]]', 8, "is not an ion"),
        ("[filters]", "[mixing]\nB = 1e-9\n[filters]", 12, "is not a share"),
        ("[filters]", "[phases]\nABX3 = []\n[filters]", 12, "list of some of Pm-3m"),
    ],
)
def test_a_bad_plan_is_refused_with_its_line(old: str, new: str, line: int, said: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(PlanError, match=said) as caught:
        parse_plan(GOOD.replace(old, new))
    assert f"plan.toml line {line}: " in str(caught.value)


def with_barriers(lines: str, stop: str = "barrier") -> Plan:
    text = GOOD.replace('"tolerance"\n', f'"{stop}"\n')
    return parse_plan(f"{text}[barriers]\n{lines}\n")


@pytest.mark.parametrize(
    ("lines", "stop", "said"),
    [
        ("most = 0", "barrier", "line 14: barriers.most = 0: .*greater"),
        ("most = true", "barrier", "True: input should be a valid integer"),
        ('potentials = ["mace"]', "barrier", "line 14: .*no potential 'mace'"),
        ("potentials = []", "barrier", "is not a list of some of chgnet"),
        ("images = 5", "barrier", "images"),
        ("most = 5", "stability", "needs a later last stage"),
        ("quotas = {Xe = 5}", "barrier", "line 14: there is no halide or type 'Xe'"),
        ("quotas = {I = true}", "barrier", "quotas.I: True is not a number of candidates"),
    ],
)
def test_barriers_that_cannot_be_computed_are_refused(lines: str, stop: str, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        with_barriers(lines, stop)


@pytest.mark.parametrize(
    ("lines", "limit"),
    [("", 60), ("most = 7", 7), ("quotas = {I = 5}", None), ("most = 7\nquotas = {I = 5}", 7)],
)
def test_quotas_stand_in_place_of_most_unless_it_is_given(lines: str, limit: int | None) -> None:
    assert with_barriers(lines).barriers.limit == limit


def listing(*names: str) -> str:
    return f"formulas = {list(names)}\nstop_after = 'tolerance'\n"


def test_a_plan_lists_formulas_and_files_beside_ion_products(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("formula,why\nCs2SnI6,stable\n\nPbCsI3  # known\nMAPbI3\n")
    path = tmp_path / "plan.toml"
    path.write_text(listing("CsSnI3", "mine.csv"))
    plan = read_plan(str(path))
    names = ["CsSnI3 (ABX3)", "Cs2SnI6 (A2BX6)", "CsPbI3 (ABX3)", "MAPbI3 (ABX3)"]
    assert [entry.name for entry in plan.candidates()] == names
    both = GOOD.replace("[ions]", 'formulas = ["CsPbI3", "Cs2SnI6"]\n[ions]')
    last = [entry.name for entry in parse_plan(both).candidates()][3:]
    assert last == ["CsSnBr3 (ABX3)", "Cs2SnI6 (A2BX6)"]
    (tmp_path / "mine.csv").write_text("Cs2SnBr6\n")
    assert read_plan(str(path)).text != plan.text  # what a file contains is part of the plan


def test_a_structure_file_is_a_phase_of_its_composition(tmp_path: Path) -> None:
    for formula, phase in (("CsPbI3", "delta"), ("CsPbI3", "Pnma"), ("CsGeI3", "R3m")):
        atoms = build(parse_composition(formula), phase)
        write(tmp_path / f"{formula}-{phase}.cif", atoms)
    lead, germanium = parse_plan(listing("*.cif", "CsPbI3"), folder=tmp_path).candidates()[::-1]
    assert (lead.name, germanium.name) == ("CsPbI3 (ABX3)", "CsGeI3 (ABX3)")
    atoms = {name: len(host.symbols) for name, host in lead.starts.items()}
    assert atoms == {"Pnma": 20, "delta": 20}
    assert list(germanium.starts) == ["R3m"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CsPbI4", "line 1: formula 'CsPbI4' does not balance"),
        ("no.csv", "holds no file of this name"),
        ("bad.txt", r"line 1: bad.txt line 2: formula 'CsPbO3'"),
        ("bad.vasp", "cannot be read as a structure"),
    ],
)
def test_a_listed_name_that_is_none_is_refused(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("CsPbI3\nCsPbO3\n")
    (tmp_path / "bad.vasp").write_text("no structure\n")
    with pytest.raises(PlanError, match=said):
        parse_plan(listing(name), folder=tmp_path)


def test_every_wrong_formula_of_a_plan_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("formula,why\nCsPbl3,typed in a hurry\nCsPbI3,\nCsBiI3,?\n")
    with pytest.raises(PlanError) as refused:
        parse_plan(listing("CsSnI3", "mine.csv", "CsPbI4"), folder=tmp_path)
    small_l, charge, listed = str(refused.value).split("\n")
    assert "mine.csv line 2: formula 'CsPbl3'" in small_l
    assert "a small L; iodine is I" in small_l
    assert charge.startswith("mine.csv line 4: formula 'CsBiI3' does not balance")
    assert listed.startswith("formula 'CsPbI4' does not balance")


def test_potentials_of_barriers_are_others_than_that_of_relaxations() -> None:
    plan = with_barriers("potentials = ['sevennet-0']")
    assert (plan.potential, plan.barriers.potentials) == ("chgnet", ("sevennet-0",))
    plan = parse_plan('formulas = ["CsPbI3"]')  # as for shipped results
    assert (plan.potential, plan.barriers.potentials[0]) == ("sevennet-0", "sevennet-l3i5")


def test_phases_are_the_prototypes_of_a_stoichiometry_by_any_name() -> None:
    text = GOOD.replace("[filters]", '[phases]\nABX3 = ["tilted", "delta", "Pnma"]\n[filters]')
    assert [info.phase for info in parse_plan(text).phases["ABX3"]] == ["Pnma", "delta"]


def test_a_text_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="ions is missing, and so is formulas"):
        parse_plan('title = "nothing"')
    with pytest.raises(PlanError, match=r"not TOML.*line 2"):
        parse_plan("title = 'a'\ntypes = [")
    with pytest.raises(PlanError, match="shipped plans: inorganic"):
        read_plan(str(tmp_path / "no.toml"))


@pytest.mark.parametrize("name", shipped_plans())
def test_shipped_plans_can_be_carried_out(name: str) -> None:
    assert len(read_plan(name).candidates()) >= (696 if name == "inorganic" else 9)


def test_an_unknown_value_meets_no_condition() -> None:
    condition = PlanCondition.parse("tau<4.18", {"tau": ""})
    assert condition.holds(4.1)
    assert not condition.holds(4.18)
    assert not condition.holds(None)
