"""Shortlists have the first places of the whole ranking, for every kind of evidence."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.rankings import ORDERS, Order, RankingFilters
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.models.summaries import CompositionStability
from pvkdb.suitability import Options, rank, shipped_profile, shipped_profiles, weighted
from pvkdb.suitability.evidence.materials import material_candidates
from pvkdb.suitability.ranking import shortlist
from pvkdb.suitability.ranking.assessment import desirabilities_of
from pvkdb.suitability.ranking.order import DIGITS
from pvkdb.suitability.ranking.scoring import score

pytestmark = pytest.mark.slow

WANTED = 20
PHASES = (None, "Pm-3m", "Pnma", "δ", "6H")
#: Method, source, and calculation of an energy.
KINDS = (
    ("experiment", "review", None),
    ("DFT", "review", None),
    ("unknown", "review", None),
    ("unknown", "secondary: review", None),
    ("DFT", "calculation", "dft"),
    ("MLIP", "calculation", "neb"),
    ("MLIP", "calculation", "neb"),
)


def formulas() -> list[str]:
    """Perovskites, cells with half of B empty, dimers and layers; one may be an open formula."""
    mixed = [
        f"{a}{b}{x}3" for a, b, x in product(("Cs", "MA", "Na"), ("Pb", "Sn", "Mg"), ("I", "Br"))
    ]
    shared = [f"CsPb{1 - n / 10:g}Sn{n / 10:g}I3" for n in range(1, 10)]
    halides = [f"Cs{b}I{3 - n / 10:g}Br{n / 10:g}" for b in ("Pb", "Sn") for n in range(1, 30)]
    others = ["Cs2SnI6", "Cs2SnBr6", "Cs3Sb2I9", "Cs3Bi2I9", "Cs2AgBiBr6", "Cs2AgInCl6", "CsPbX3"]
    return [*mixed, *shared, *halides, *others, *(f"{each}:Cl" for each in halides[:20])]


def add_energies(session: Session, rng: random.Random, materials: list[str], count: int) -> None:
    for place in range(count):
        method, source, calculation = rng.choice(KINDS)
        quantity = rng.choice(("E_A", "DFE"))
        low = round(rng.uniform(0, 1.2) if quantity == "E_A" else rng.uniform(-0.5, 3), 3)
        high = low if rng.random() < 0.6 else round(low + rng.uniform(0, 0.4), 3)
        side = rng.random()
        session.add(
            Energetic(
                id=f"e-{place}",
                material_id=rng.choice(materials),
                defect=rng.choice(("V_I", "V_I", "V_Br", "I", "I_i", "V_Cs")),
                species=rng.choice(("I", "I", "Br", "Cs")),
                quantity=quantity,
                scope=rng.choice(("percolation", "percolation", "hop"))
                if quantity == "E_A"
                else "computed",
                value_min_ev=None if side < 0.05 else low,
                value_max_ev=None if side > 0.95 else 1e300 if side > 0.94 else high,
                bound="upper" if rng.random() < 0.1 else None,
                approximate=False,
                method=method,
                functional=rng.choice(("sevennet-0", "chgnet", "mace"))
                if method == "MLIP"
                else "PBE",
                source=source,
                calculation_id=calculation,
            )
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Compositions with random phases, energies, relaxed structures and stabilities."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('made') / 'store.sqlite'}")
    upgrade(store)
    rng = random.Random(28)
    with store.session() as session:
        for key, kind in (("dft", "dft-hop"), ("neb", "neb"), ("one", "relax"), ("two", "relax")):
            potential = "sevennet-0" if key == "one" else "chgnet"
            session.add(
                Calculation(
                    id=key,
                    key=key,
                    kind=kind,
                    parameters={"potential": potential},
                )
            )
        session.flush()
        materials = []
        for formula in formulas():
            phases = rng.sample(PHASES, rng.choice((1, 1, 2, 3)))
            for phase in phases:
                material = register_material(session, parse_composition(formula), phase)
                materials.append(material.id)
            if rng.random() < 0.6:
                value = rng.uniform(-0.1, 0.05)
                session.flush()
                session.add(
                    CompositionStability(
                        composition_id=material.composition.id,
                        above_hull_ev_per_atom=value,
                        source="screening 1, sevennet-0",
                    )
                )
        session.flush()
        add_energies(session, rng, sorted(materials), 260)
        for place, name in enumerate(sorted(materials)):
            if rng.random() < 0.7:
                session.add(
                    Structure(
                        id=f"s-{place}",
                        calculation_id=rng.choice(("one", "two")),
                        material_id=name,
                        role="host",
                        origin="made",
                        atoms=1,
                        energy_ev=rng.uniform(-4, -3),
                        cell_ang=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
                        symbols=["Cs"],
                        positions_ang=[[0.0, 0.0, 0.0]],
                    )
                )
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortlist, "_BATCH", 5)
    monkeypatch.setattr(shortlist, "_READ", 20)
    monkeypatch.setattr(shortlist, "MOST_TRIED", 1_000)


def options(**given: object) -> Options:
    return replace(Options(samples=1, cross_checked=False), **given)


@pytest.mark.parametrize("computed", [True, False])
@pytest.mark.parametrize("order", ORDERS)
def test_no_bound_is_below_its_score(made: Store, order: Order, computed: bool) -> None:
    """The rough bounds neither, and where the bounds are 0 nothing is known."""
    with made.session() as session:
        known = shortlist._read(session, order)
        energies = [*shortlist._energies(session, known.id)]
        candidates = {each.id: each for each in material_candidates(session)}
        assert {*known.formula} == {*candidates}
        for name in shipped_profiles():
            for weights in ({}, {"lead_free": 2.0, "a_cation": 1.0, "modelled_retention_s": 1.0}):
                criteria = shipped_profile(name).materials
                weights = {
                    key: weights[key] for key in weights if key in {c.metric for c in criteria}
                }
                criteria = tuple(weighted(criteria, weights))
                chosen = options(order=order, computed=computed)
                rough = known.bounds(criteria, chosen, None)
                close = known.bounds(criteria, chosen, energies)
                for place, formula in enumerate(known.formula):
                    candidate = candidates[formula]
                    candidate = candidate if computed else candidate.without_computed()
                    worth = desirabilities_of(criteria, candidate)
                    if any(
                        each.known and c.weight for each, c in zip(worth, criteria, strict=True)
                    ):
                        value = round(
                            getattr(score([c.weight for c in criteria], worth), order), DIGITS
                        )
                        assert rough[place] >= value, formula
                        assert close[place] >= value, formula


@pytest.mark.parametrize("name", shipped_profiles())
def test_the_first_places_are_those_of_the_whole_ranking(made: Store, name: str) -> None:
    with made.session() as session:
        whole = rank(session, name, "materials", options())
        some = rank(session, name, "materials", options(shortlist=WANTED))
    assert whole.chosen is None
    places = [(each.id, each.rank, each.shown, each.tie_break) for each in whole.candidates]
    found = [(each.id, each.rank, each.shown, each.tie_break) for each in some.candidates]
    assert WANTED <= len(found) < len(places)
    assert found == places[: len(found)]
    assert some.chosen is not None
    assert some.chosen.endswith("no other has a higher score")
    assert some.notes[0] == some.chosen


@pytest.mark.parametrize(
    "given",
    [
        {"lead_free": True},
        {"halide": ("Br",)},
        {"ions_known": True},
        {"only_screening": True},
        {"family": ("3D",), "lead_free": False},
        {"family": ("A3B2X9",)},
        {"compositions": ("CsPbI3", "CsSnI3", "CsPbCl3")},
    ],
    ids=str,
)
def test_filters_apply_before(made: Store, given: dict[str, object]) -> None:
    filters = RankingFilters.model_validate(given)
    with made.session() as session:
        whole = rank(session, "selector", "materials", options(filters=filters))
        some = rank(session, "selector", "materials", options(filters=filters, shortlist=10))
    names = [each.id for each in some.candidates]
    assert names == [each.id for each in whole.candidates][: max(len(names), 10)]
    assert {each.filter for each in some.set_aside} == {each.filter for each in whole.set_aside}


@pytest.mark.parametrize("order", ORDERS)
def test_the_places_that_are_certain_are_told(
    made: Store, monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    """The limit is reached before enough are compared."""
    monkeypatch.setattr(shortlist, "MOST_TRIED", 25)
    with made.session() as session:
        whole = rank(session, "selector", "materials", options(order=order))
        some = rank(session, "selector", "materials", options(order=order, shortlist=25))
    told = re.search(r"were compared: the first (\d+) places are certain", some.chosen or "")
    names = [each.id for each in some.candidates]
    sure = int(told[1]) if told else len(names)
    assert told or order == "possible"  # of which too few have a place
    assert 0 < sure <= len(names)
    assert names[:sure] == [each.id for each in whole.candidates[:sure]]


def test_both_databases_give_the_first_places(store: Store) -> None:
    """Of the literature."""
    filters = RankingFilters(halide=("I", "Br"), has_device=True)
    with store.session() as session:
        whole = rank(session, "selector", "materials", options(filters=filters))
        some = rank(session, "selector", "materials", options(filters=filters, shortlist=4))
    names = [each.id for each in some.candidates]
    assert 4 <= len(names) < len(whole.candidates)
    assert names == [each.id for each in whole.candidates][: len(names)]
    assert [each.count for each in some.set_aside] == [each.count for each in whole.set_aside]
