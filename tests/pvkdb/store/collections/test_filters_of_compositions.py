"""Searches of compositions find what a plain filter in Python finds, on both databases."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.schemas.tables import CompositionsRow
from pvkdb.store.collections import COMPOSITIONS, ENERGETICS, MATERIALS
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.materials import Composition, Material, SiteOccupancy
from pvkdb.store.models.summaries import CompositionStability

from ....statements import energy_row
from ....structures import structure_row


@dataclass(frozen=True)
class Known:
    """A composition: its row, its ions by site, and the dimensionalities of its materials."""

    row: CompositionsRow
    ions: frozenset[tuple[str, str]]
    dimensionalities: frozenset[str]

    def words(self) -> str:
        names = (molecular_ions().get(ion) for _, ion in self.ions)
        named = [each.name.lower() for each in names if each and each.name]
        return "\n".join((self.row.formula.lower(), *named))


Test = Callable[[Known, Any], bool]


def ends(*names: str, test: Callable[[float, Any], bool]) -> Test:
    """Whether one of the columns that has a value fits."""

    def fits(known: Known, bound: Any) -> bool:
        values = (getattr(known.row, name) for name in names)
        return any(value is not None and test(value, bound) for value in values)

    return fits


def at_least(value: float, bound: Any) -> bool:
    return value >= bound


def at_most(value: float, bound: Any) -> bool:
    return value <= bound


#: What each filter means, written again.
MEANINGS: dict[str, Test] = {
    "formula": lambda known, of: known.row.formula in {parse_composition(v).formula for v in of},
    "family": lambda known, of: not {*of}.isdisjoint(known.row.families.split("; ")),
    "lead_free": lambda known, value: known.row.lead_free is value,
    "ion": lambda known, of: any(ion in of for _, ion in known.ions),
    **{
        name: lambda known, of, letter=letter: any(
            site == letter and ion in of for site, ion in known.ions
        )
        for name, letter in (("a_site", "A"), ("b_site", "B"), ("halide", "X"))
    },
    "dimensionality": lambda known, of: not known.dimensionalities.isdisjoint(of),
    "phase": lambda known, of: not {*of}.isdisjoint(known.row.phases.split("; ")),
    "lowest_phase": lambda known, of: known.row.lowest_phase in of,
    "has": lambda known, of: all(HAS[kind](known.row) for kind in of),
    "q": lambda known, text: all(word in known.words() for word in text.lower().split()),
}
#: The bounds of each energy: those that are given, one origin has to meet.
BOUNDS = {name: (f"{name}_min", f"{name}_max") for name in ("e_a", "dfe")}
JOINT = {"origin", *itertools.chain(*BOUNDS.values())}


def has_energies(row: CompositionsRow, search: dict[str, Any]) -> bool:
    """What the filters by energies mean together."""
    origins = search.get("origin", ("literature", "computed"))
    bounded = [name for name, ends in BOUNDS.items() if not search.keys().isdisjoint(ends)]
    counts = {
        "literature": row.energetics_reported_count,
        "computed": row.energetics_computed_count,
    }
    if not bounded:
        return "origin" not in search or any(counts[origin] for origin in origins)

    def reaches(name: str, origin: str) -> bool:
        low, high = (getattr(row, f"{name}_{origin}_{end}_ev") for end in ("min", "max"))
        least, most = (search.get(bound) for bound in BOUNDS[name])
        return (least is None or (high is not None and high >= least)) and (
            most is None or (low is not None and low <= most)
        )

    return all(any(reaches(name, origin) for origin in origins) for name in bounded)


for name in ("above_hull", "t", "mu", "tau", "p_perovskite"):
    column = "above_hull_ev_per_atom" if name == "above_hull" else name
    MEANINGS[f"{name}_min"] = ends(column, test=at_least)
    MEANINGS[f"{name}_max"] = ends(column, test=at_most)
HAS: dict[str, Callable[[CompositionsRow], bool]] = {
    "e_a": lambda row: {row.e_a_literature_min_ev, row.e_a_computed_min_ev} != {None},
    "dfe": lambda row: {row.dfe_literature_min_ev, row.dfe_computed_min_ev} != {None},
    "e_a_computed": lambda row: row.e_a_computed_min_ev is not None,
    "devices": lambda row: row.devices_count > 0,
    "reported": lambda row: row.energetics_reported_count > 0,
    "computed": lambda row: row.energetics_computed_count > 0,
    "structures": lambda row: row.structures_count > 0,
    "stability": lambda row: row.above_hull_ev_per_atom is not None,
}

VALUES: dict[str, Sequence[Any]] = {
    "formula": (("CH3NH3PbI3", "CsPbBr3"), ("CsGeF3",)),
    "family": (("3D", "RP"), ("A3B2X9",)),
    "lead_free": (True, False),
    "ion": (("MA",), ("Cs", "Sn"), ("Pb",)),
    "halide": (("Br",), ("Cl", "I")),
    "a_site": (("Cs",), ("MA", "Rb")),
    "b_site": (("Pb",), ("Sn", "Ag")),
    "dimensionality": (("3",), ("0", "2")),
    "phase": (("Pnma",), ("δ", "Pm-3m")),
    "lowest_phase": (("Pnma",), ("Pm-3m",)),
    "has": (("e_a",), ("e_a", "devices"), ("structures",), *((each,) for each in HAS)),
    "q": (
        "methylammonium",
        "pbi",
        "0.5Pb",
        "sPbBr",
        "Cs Cl",
        "b0.",
        "MA_",
        "zz",
        "formamidinium 3",
    ),
    "origin": (("literature",), ("computed",), ("literature", "computed")),
    "e_a_min": (0.3, 1.1),
    "e_a_max": (0.3, 0.05),
    "dfe_min": (1.0,),
    "dfe_max": (0.4,),
    "above_hull_min": (0.03,),
    "above_hull_max": (0.04,),
    "t_min": (0.9, 1.2),
    "t_max": (0.95,),
    "mu_min": (0.5,),
    "mu_max": (0.45,),
    "tau_min": (4.0,),
    "tau_max": (4.18,),
    "p_perovskite_min": (0.6,),
    "p_perovskite_max": (0.2,),
}
SINGLE = [{name: value} for name, values in VALUES.items() for value in values]
SINGLE += [
    {"e_a_min": 0.2, "e_a_max": 0.4, "origin": ("literature",)},
    {"e_a_min": 0.2, "e_a_max": 0.4},
    {"e_a_min": 0.3, "dfe_min": 0.4, "origin": ("computed",)},
]
CHOSEN = random.Random(21)
TRIPLES = [
    {name: CHOSEN.choice(VALUES[name]) for name in CHOSEN.sample([*VALUES], 3)} for _ in range(60)
]
ORDERS = [None, *(sign + name for name in COMPOSITIONS.sortable for sign in ("", "-"))]


def add_computed(session: Session) -> None:
    """Mixed and lead-free compositions, some with phases, energies and stabilities."""
    session.add(Calculation(id="c", key="c", kind="neb", state="done", parameters={}))
    relaxation = {"potential": "chgnet"}
    session.add(Calculation(id="r", key="r", kind="relax", state="done", parameters=relaxation))
    session.flush()
    ions = itertools.product(("Cs", "FA0.5Cs0.5"), ("Pb", "Sn"), ("I3", "Cl3", "Br1.5Cl1.5"))
    for number, formula in enumerate(map("".join, ions)):
        composition = parse_composition(formula)
        bare = register_material(session, composition)
        for phase in ("Pm-3m", "Pnma")[: number % 3]:
            material = register_material(session, composition, phase)
            of = {"material": material, "origin": "chgnet", "calculation_id": "r"}
            energy_ev = -1.0 - (number * len(phase)) % 7
            session.add(structure_row(f"{number}-{phase}", **of, energy_ev=energy_ev))
        if number % 2:
            session.add(
                CompositionStability(
                    composition_id=bare.composition_id,
                    above_hull_ev_per_atom=number / 100,
                    source="screening 1, chgnet",
                )
            )
            for quantity, scope in (("E_A", "percolation"), ("DFE", "computed"))[: number % 4]:
                of = {"defect": "V_Cl", "species": "Cl", "quantity": quantity, "scope": scope}
                session.add(energy_row(f"{number}-{quantity}", bare.id, number / 10, **of))
        session.flush()


def everything(session: Session) -> list[Known]:
    ions: dict[str, set[tuple[str, str]]] = {}
    named = select(Composition.formula, SiteOccupancy.site, SiteOccupancy.ion).join(SiteOccupancy)
    for formula, site, ion in session.execute(named):
        ions.setdefault(formula, set()).add((site, ion))
    dimensionalities: dict[str, set[str]] = {}
    of = select(Composition.formula, Material.dimensionality).join(Material)
    for formula, dimensionality in session.execute(of):
        dimensionalities.setdefault(formula, set()).add(str(dimensionality))
    return [
        Known(row, frozenset(ions[row.formula]), frozenset(dimensionalities[row.formula]))
        for row in COMPOSITIONS.iterate(session, {})
    ]


def expected(
    known: list[Known], search: dict[str, Any], order: str | None
) -> list[CompositionsRow]:
    rows = [
        each.row
        for each in known
        if has_energies(each.row, search)
        and all(MEANINGS[name](each, v) for name, v in search.items() if name not in JOINT)
    ]
    for name, falls in reversed(COMPOSITIONS.sorting(order)):
        there = [row for row in rows if getattr(row, name) is not None]
        empty = [row for row in rows if getattr(row, name) is None]
        rows = sorted(there, key=lambda row: getattr(row, name), reverse=falls) + empty
    return rows


def test_every_filter_and_order_finds_what_python_finds(store):
    assert VALUES.keys() == MEANINGS.keys() | JOINT == COMPOSITIONS.filters.keys()
    with store.session() as session:
        add_computed(session)
    with store.session(read_only=True) as session:
        known = everything(session)
        assert len(known) > 45
        several = 0
        for search, order in zip((*SINGLE, *TRIPLES), itertools.cycle(ORDERS)):
            rows = expected(known, search, order)
            several += 1 < len(rows) < len(known)
            sorting = COMPOSITIONS.sorting(order)
            found, place = [], None
            while True:
                page = COMPOSITIONS.find(session, search, 9, sorting, place)
                found, place = [*found, *page.rows], page.place
                if place is None:
                    break
            assert found == rows, (search, order)
            assert COMPOSITIONS.count(session, search) == len(rows), search
            exact = search.keys() <= {"family", "lead_free", "lowest_phase", "has"}
            counted = COMPOSITIONS.count(session, search, 5)
            assert counted == len(rows) or (not exact and counted == 6 < len(rows)), search
            families = Counter(family for row in rows for family in row.families.split("; "))
            assert COMPOSITIONS.facet(session, search, "family") == families, search
        assert several > 40


def test_bounds_can_be_asked_of_reported_energies_alone(sqlite_store: Store) -> None:
    """Cs2SnI6 is reported at 0.91 to 1.11 eV; a computed 0.3 eV is no reported one."""
    wanted: dict[str, Any] = {"e_a_min": 0.2, "e_a_max": 0.4}
    with sqlite_store.session() as session:
        session.add(Calculation(id="c", key="c", kind="neb", state="done", parameters={}))
        of = {"defect": "V_I", "species": "I"}
        session.add(energy_row("mlip", "Cs2SnI6", 0.3, **of))
    with sqlite_store.session(read_only=True) as session:
        for collection, name in (
            (COMPOSITIONS, "formula"),
            (MATERIALS, "formula"),
            (ENERGETICS, "material"),
        ):
            found = {
                origins: {
                    getattr(row, name)
                    for row in collection.iterate(session, {**wanted, "origin": origins})
                }
                for origins in (None, ("literature",), ("computed",), ("literature", "computed"))
            }
            assert found[("computed",)] == {"Cs2SnI6"}
            assert "Cs2SnI6" not in found[("literature",)] != set()
            both = found[("literature", "computed")]
            assert found[None] == both == found[("literature",)] | {"Cs2SnI6"}
