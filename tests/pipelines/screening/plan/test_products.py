"""Products of ions say of each composition what reading its formula says, without reading it."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.factors.tolerance import tolerance_factors
from pvkdb.errors import FormulaError, InputError
from pvkdb_pipelines.screening import funnel
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import Plan, parse_plan
from pvkdb_pipelines.screening.plan.products import SITES

#: Molecules, charges that two types take differently, a share that no decimals give, halves.
MIXED = """\
types = ["ABX3", "A2BB'X6", "A2BX6", "A3B2X9", "A2BX4"]
stop_after = "tolerance"
[ions]
A = ["Cs", "MA", "DMA", "Na", "Ag"]
B = ["Pb2+", "Sn2+", "Cu2+", "Sm2+", "Fe3+", "Bi3+", "Ag+", "Na", "Cu+", "Sn4+"]
X = ["I", "Cl", "F"]
[mixing]
A = [0.3, 0.5]
B = [0.333]
X = [0.25, 0.75]
[filters]
tolerance = ["t > 0.8", "mu > 0.41", "tau < 4.18"]
"""


@pytest.fixture(scope="module")
def mixed() -> Plan:
    return parse_plan(MIXED)


def test_each_is_what_its_formula_says(mixed: Plan) -> None:
    made = mixed.candidates()
    assert len({candidate.name for candidate in made}) == len(made) == mixed.numbers().total()
    assert len(made) > 1000
    for candidate in made[::7]:
        assert parse_composition(candidate.composition.formula) == candidate.composition


@pytest.mark.parametrize(
    ("a", "b", "mixing"),
    [
        # IMA is an ion, and I beside MA: which one is meant depends on the shares.
        ('"IMA", "Cs"', '"Sr2+", "Ti2+", "Pb2+", "Sm2+"', "B = [0.5, 0.05]"),
        # As much Cu as Fe may have the charges 1+ and 3+.
        ('"Cs", "MA"', '"Cu2+", "Fe2+", "Sn2+", "Zn2+"', "B = [0.5, 0.05]\nA = [0.5]"),
    ],
)
def test_what_is_made_is_what_formulas_say_one_by_one(a: str, b: str, mixing: str) -> None:
    head = f'types = ["ABX3"]\nstop_after = "tolerance"\n[ions]\nA = [{a}]\nB = [{b}]\n'
    plan = parse_plan(f'{head}X = ["I", "Br"]\n[mixing]\n{mixing}\n')
    expected = []
    for _, _, products in plan.products:
        choices = [products.choices[site] for site in SITES]
        for at in product(*(range(len(each)) for each in choices)):
            with suppress(FormulaError):
                read = parse_composition(products._text(*at))
                wanted = [set(each[n]) for each, n in zip(choices, at, strict=True)]
                if [{o.ion for o in read.on(site)} for site in SITES] == wanted:
                    expected.append(read)
    assert [candidate.composition for candidate in plan.stream()] == expected
    assert plan.numbers().total() == len(expected) > 20


def test_arrays_and_single_factors_let_the_same_pass(mixed: Plan) -> None:
    conditions = mixed.filters["tolerance"]

    def passes(candidate) -> bool:
        with suppress(InputError):
            factors = tolerance_factors(candidate.composition)
            return all(each.holds(getattr(factors, each.column)) for each in conditions)
        return True  # not defined: no condition applies

    one_by_one = [each.name for each in mixed.candidates() if passes(each)]
    assert [each.name for each in mixed.stream(conditions)] == one_by_one
    assert 0 < len(one_by_one) < mixed.numbers().total()


def test_a_listed_composition_is_counted_once() -> None:
    plan = parse_plan(MIXED.replace("[ions]", 'formulas = ["CsPbI3", "RbPbI3"]\n[ions]'))
    names = [candidate.name for candidate in plan.candidates()]
    assert names.count("CsPbI3 (ABX3)") == 1
    assert names[-1] == "RbPbI3 (ABX3)"
    assert plan.numbers().total() == len(names) == len(parse_plan(MIXED).candidates()) + 1


def test_of_a_large_plan_what_falls_is_counted(mixed, monkeypatch):
    store = None  # nothing is computed
    listed = Funnel(mixed, store).run()  # type: ignore[arg-type]
    monkeypatch.setattr(funnel, "MOST_LISTED", 100)
    counted = Funnel(mixed, store).run()  # type: ignore[arg-type]
    assert counted.stages == listed.stages
    passed = [row for row in listed.candidates if row.fall is None]
    assert counted.candidates == passed
    assert len(passed) < len(listed.candidates)


def test_too_many_to_follow_are_refused(mixed: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "MOST_FOLLOWED", 10)
    with pytest.raises(InputError, match=r"more than 10 of the [\d,]+ compositions .* add filters"):
        Funnel(mixed, None).run()  # type: ignore[arg-type]
