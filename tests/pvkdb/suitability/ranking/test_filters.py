"""Filters before weights: what is ranked, and how many are set aside."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas.rankings import RankingFilters
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.materials import Material
from pvkdb.suitability import Options, parse_filters, rank, rank_candidates, shipped_profile
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.ranking.filters import passing

SELECTOR = shipped_profile("selector")
FORMULAS = ("CsPbBr3", "CsPbI3", "Cs2AgBiBr6", "Cs3Bi2I9", "CsSnI3")


def composition(formula: str, e_a: float | None, devices: int) -> Candidate:
    evidence = {} if e_a is None else {"e_a_ev": Evidence.exactly(e_a)}
    return Candidate(formula, formula, "material", evidence, formula, devices=devices)


known_e_a, has_device = st.none() | st.floats(0.05, 0.8), st.integers(0, 1)
compositions = st.builds(composition, st.sampled_from(FORMULAS), known_e_a, has_device)
filters = st.builds(
    RankingFilters,
    lead_free=st.none() | st.booleans(),
    family=st.sampled_from([(), ("3D",), ("double", "A3B2X9")]),
    halide=st.sampled_from([(), ("I",), ("Br", "Cl")]),
    has_device=st.booleans(),
    ions_known=st.booleans(),
)
drawn = st.tuples(st.lists(compositions, unique_by=lambda each: each.id, max_size=5), filters)


@settings(max_examples=40)
@given(drawn)
def test_a_filter_commutes_with_ranking_and_names_what_it_sets_aside(
    given: tuple[list[Candidate], RankingFilters],
) -> None:
    candidates, filters = given
    options = Options(samples=1, filters=filters)
    kept, aside = passing(candidates, filters, {each.id: each for each in candidates})
    first = rank_candidates(SELECTOR, "materials", kept, options, set_aside=aside)
    later = rank_candidates(SELECTOR, "materials", candidates, options)
    passed = {each.id for each in kept}
    assert [e.id for e in first.candidates] == [e.id for e in later.candidates if e.id in passed]
    assert len(kept) + sum(each.count for each in first.set_aside) == len(candidates)
    for each in first.set_aside:
        note = f"set aside by the filter {each.filter}: {each.count} ({each.reason})"
        assert note in first.notes
    assert len(first.candidates) + len(first.not_rankable) == len(kept)


def test_filters_of_devices_look_at_their_absorber(literature: Session) -> None:
    """Table 4 row 20 is Cs2AgBiBr6; a memristor without a formula cannot pass."""
    options = Options(samples=1, filters=parse_filters({"lead_free": "true", "family": "double"}))
    found = rank(literature, "synaptic-training", "devices", options)
    whole = rank(literature, "synaptic-training", "devices", Options(samples=1))
    names = {entry.id for entry in found.candidates}
    assert "d-t4-r20" in names
    assert "d-t4-r06" not in names  # MAPbI3
    reasons = {(each.filter, each.reason) for each in found.set_aside}
    assert ("lead_free", "contains lead") in reasons
    assert ("lead_free", "the composition of its absorber is not known") in reasons
    counted = len(found.candidates) + len(found.not_rankable)
    counted += sum(each.count for each in found.set_aside)
    assert counted == len(whole.candidates) + len(whole.not_rankable)


@pytest.mark.parametrize(
    ("absorber", "lead_free", "halide", "count"),
    [
        ("AgBi2I7-Cs3Bi2I9", "true", "I", 1),
        ("AgBi2I7-Cs3Bi2I9", "true", "Br", 0),
        ("CsPbBr3-Cs3Bi2I9", "true", "I", 0),
        ("CsPbBr3-Cs3Bi2I9", "false", "Br", 1),
        ("perovskite-Cs3Bi2I9", "true", "I", 0),
        (None, "true", "I", 0),
    ],
)
def test_a_composite_passes_by_what_each_of_its_phases_is(
    absorber: str | None, lead_free: str, halide: str, count: int
) -> None:
    device = Candidate("d", "composite", "device", absorber=absorber)
    kept, _ = passing([device], parse_filters({"lead_free": lead_free, "halide": halide}), {})
    assert len(kept) == count


def test_devices_whose_stack_is_not_reported_can_be_left_out(literature: Session) -> None:
    options = Options(samples=1, filters=parse_filters({"has_stack": "true"}))
    found = rank(literature, "selector", "devices", options)
    materials = rank(literature, "selector", "materials", options)
    assert all(entry.stack_reported for entry in found.candidates)
    assert "d-o-huang2022-1" not in {entry.id for entry in found.candidates}
    (aside,) = found.set_aside
    assert (aside.filter, aside.reason) == ("has_stack", "its stack is not reported")
    assert aside.count > 10
    assert materials.set_aside == []


def test_a_family_is_that_of_the_formula_or_of_a_phase(literature: Session) -> None:
    """Cs3Sb2I9 is A3B2X9 by its formula, and has phases of dimers and of layers."""
    found: dict[str, set[str]] = {}
    for family in ("A3B2X9", "A3B2X9 dimer", "ACI"):
        options = Options(samples=1, filters=parse_filters({"family": family}))
        ranking = rank(literature, "selector", "materials", options)
        found[family] = {entry.id for entry in ranking.candidates}
    assert "Cs3Sb2I9" in found["A3B2X9"] & found["A3B2X9 dimer"]
    assert "Cs3Bi2I9" not in found["A3B2X9 dimer"]
    assert found["ACI"] == set()


def test_compositions_are_given_in_any_spelling_and_missed_by_name(literature: Session) -> None:
    filters = parse_filters({"compositions": "CH3NH3PbI3, PbCsBr3,KZnF3"})
    found = rank(literature, "selector", "materials", Options(samples=1, filters=filters))
    assert {entry.id for entry in found.candidates} == {"MAPbI3", "CsPbBr3"}
    assert "given, but not in the store: KZnF3" in found.notes


def test_values_are_lists_with_commas_outside_brackets() -> None:
    read = parse_filters({"compositions": '(FA,Cs)PbI3,"CsPbBr3"', "halide": ["I", "Br"]})
    assert read.compositions == ("(Cs,FA)PbI3", "CsPbBr3")
    assert read.halide == ("I", "Br")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("family", "4D", "family: '4D': Input should be '3D'"),
        ("halide", "O", "halide: 'O'"),
        ("lead_free", "maybe", "lead_free: 'maybe'"),
        ("compositions", "stone", "formula 'stone'"),
    ],
)
def test_what_is_no_filter(name: str, value: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_filters({name: value})


def test_a_ranking_of_devices_reads_the_materials_of_devices_alone(sqlite_store: Store) -> None:
    """A store may have 100,000 compositions and few devices."""
    with sqlite_store.session() as session:
        register_material(session, parse_composition("KCaF3"), "Pnma")
    loaded: set[str] = set()

    def note(material: Material, context: object) -> None:
        loaded.add(material.id)

    event.listen(Material, "load", note)
    try:
        with sqlite_store.session(read_only=True) as session:
            for filters in (RankingFilters(), RankingFilters(halide=("I",))):
                rank(session, "selector", options=Options(samples=1, filters=filters))
    finally:
        event.remove(Material, "load", note)
    assert "CsPbI3" in loaded
    assert "KCaF3-Pnma" not in loaded
