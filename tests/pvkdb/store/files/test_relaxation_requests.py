"""Relaxations and vacancies as users ask for them: what a screening has computed is the answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from sqlalchemy import select

from pvkdb.chemistry import parse_composition
from pvkdb.compositions.compounds import compound_of
from pvkdb.computed import CALCULATIONS
from pvkdb.errors import InputError, NotFoundError, ParameterError
from pvkdb.schemas.calculations.electrons import GapQuestion, PairQuestion
from pvkdb.schemas.calculations.relaxations import (
    EquationOfStateQuestion,
    RelaxQuestion,
    VacancyQuestion,
)
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.files.relaxation_requests import (
    equation_of_state_request,
    gap_request,
    pair_request,
    relax_request,
    vacancy_request,
)
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue.claims import submit
from pvkdb_pipelines.geometry.hosts import atoms_in
from pvkdb_pipelines.prototypes import build, prototype
from pvkdb_pipelines.relaxations.compound import compound_in
from pvkdb_pipelines.relaxations.compound import relax_request as screening_request
from pvkdb_pipelines.structures.checks import check
from pvkdb_pipelines.structures.user_structures import store_start
from validation.screening.device_starts import STARTS

from .... import screened
from ....each import for_each
from .exchanging import file_of


def test_what_a_screening_computed_is_found_again(other: Store, tmp_path: Path) -> None:
    with gzip.open(CALCULATIONS) as stream:
        next(stream)
        lines = [
            line
            for line in map(json.loads, stream)
            if line["kind"] in ("relax", "vacancy")
            and (line["parameters"]["formula"], line["parameters"]["phase"]) == ("CsPbBr3", "Pnma")
        ]
    with other.session() as session:
        take_calculations(session, file_of(tmp_path / "some.gz", *lines))
        asked = RelaxQuestion(formula="PbCsBr3", phase="Pnma", potential="sevennet-0")
        relaxed, new = submit(session, relax_request(session, asked))
        assert not new
        asked_of_it = VacancyQuestion(relaxation=relaxed.id)
        vacancies, new = submit(session, vacancy_request(session, asked_of_it))
        assert not new
        assert vacancies.state == "done"
        assert vacancies.parameters["sites"] == [8, 9]  # two kinds of bromide in Pnma
        asked_of_it = EquationOfStateQuestion(relaxation=relaxed.id)
        volumes, new = submit(session, equation_of_state_request(session, asked_of_it))
        assert (new, volumes.material_id) == (True, "CsPbBr3-Pnma")
        assert volumes.parameters["host"] == vacancies.parameters["host"]


def test_a_pair_is_given_back_as_the_lowest_crystal_of_the_same_potential(
    other: Store, tmp_path: Path
) -> None:
    wanted = {"CsPbBr3": ("Pnma",), "CsBr": ("Fm-3m", "Pm-3m"), "PbBr2": ("Pnma",)}
    with gzip.open(CALCULATIONS) as stream:
        next(stream)
        lines = [
            line
            for line in map(json.loads, stream)
            if line["kind"] == "relax"
            and line["parameters"]["phase"] in wanted.get(line["parameters"]["formula"], ())
        ]
    with other.session() as session:
        take_calculations(session, file_of(tmp_path / "some.gz", *lines))
        asked = RelaxQuestion(formula="CsPbBr3", phase="Pnma", potential="sevennet-0")
        relaxed, _ = submit(session, relax_request(session, asked))
        request = pair_request(session, PairQuestion(relaxation=relaxed.id))
        assert (request.missing.label, request.charge) == ("V_Cs+V_Br", 1)
        energies = {
            line["parameters"]["phase"]: line["result"]["energy_ev_per_formula"]
            for line in lines
            if line["parameters"]["formula"] == "CsBr"
        }
        found = {each.formula: each for each in request.references}
        assert [*found] == ["CsBr", "PbBr2"]
        assert found["CsBr"].energy_ev_per_formula == min(energies.values())
        assert energies[found["CsBr"].phase] == min(energies.values())
        lead = pair_request(session, PairQuestion(relaxation=relaxed.id, cation="Pb"))
        assert (lead.missing.label, lead.missing.species) == ("V_Pb+2V_Br", "PbBr2")
        with pytest.raises(InputError, match="no cation of CsPbBr3 'Sn'; known: Cs, Pb"):
            pair_request(session, PairQuestion(relaxation=relaxed.id, cation="Sn"))
        # Energies of two potentials have no common zero.
        for each in session.scalars(select(Calculation).where(Calculation.kind == "relax")):
            if each.parameters["formula"] == "CsBr":
                each.parameters = {**each.parameters, "potential": "chgnet"}
        session.flush()
        request = pair_request(session, PairQuestion(relaxation=relaxed.id))
        assert [each.formula for each in request.references] == ["PbBr2"]


def test_vacancies_of_a_mixture_are_those_of_the_halide_asked_for(other: Store) -> None:
    host = build(parse_composition("CsPbI2Br"), "Pnma")
    with other.session() as session:
        relaxed, _ = submit(session, relax_request(session, RelaxQuestion(formula="CsPbI2Br")))
        relaxed.state = "done"
        result = screened.relaxed("CsPbI2Br", -15.0, formula_units=8)
        relaxed.result = result.model_dump(mode="json")
        start, _ = store_start(session, host, parse_composition("CsPbI2Br"), "Pnma", "a test")
        start.role, start.calculation_id = "host", relaxed.id
        session.flush()
        for halide in ("I", "Br"):
            asked = VacancyQuestion(relaxation=relaxed.id, halide=halide)
            sites = {*map(int, (host.symbols == halide).nonzero()[0])}
            assert {*vacancy_request(session, asked).sites} == sites
        with pytest.raises(InputError, match="no halide of the host 'Cl'; known: Br, I"):
            vacancy_request(session, VacancyQuestion(relaxation=relaxed.id, halide="Cl"))


def test_a_relaxation_that_kept_no_host_is_refused(other: Store) -> None:
    with other.session() as session:
        relaxed, _ = submit(session, relax_request(session, RelaxQuestion(formula="CsPbBr3")))
        relaxed.state = "done"
        relaxed.result = screened.relaxed("CsPbBr3", -15.0).model_dump(mode="json")
        session.flush()
        with pytest.raises(InputError, match="kept no structure of CsPbBr3"):
            gap_request(session, GapQuestion(relaxation=relaxed.id))


@for_each(
    ("formula", "steps"),
    [("MAPbI3", 300), ("CsPbI2Br", 300), ("MAPbI2Br", 1000), ("Cs0.2FA0.8PbBr3", 1000)],
)
def test_a_mixture_with_molecules_may_take_more_steps(other, formula, steps):
    with other.session() as session:
        asked = relax_request(session, RelaxQuestion(formula=formula, phase="Pnma"))
    compound = compound_of(parse_composition(formula))
    screened = screening_request(compound, prototype("ABX3", "Pnma"), asked.potential)
    assert (asked.settings.max_steps, asked) == (steps, screened)


@for_each(
    ("formula", "phase", "words"),
    [
        ("CsPbBr3", "P1", "'P1'; known: .*Pnma"),
        ("DMAPbI3", None, "molecule"),
        ("Cs2SnI3Br3", None, "shared"),
    ],
)
def test_what_no_prototype_holds_is_refused(other, formula, phase, words):
    with other.session() as session, pytest.raises(ParameterError, match=words):
        relax_request(session, RelaxQuestion(formula=formula, phase=phase))


@for_each(
    ("formula", "stoichiometry", "atoms_per_formula"),
    [
        ("(BDA)MA2Pb3I10", "AA'2B3X10", 49),
        ("(BA)2Pb0.5Sn0.5I4", "A2BX4", 39),
        ("(ThEA)2PbI4", "A2BX4", 41),
        ("(PEA)2Cs3Pb4I13", "A2A'3B4X13", 62),
        ("Cs2PbBr2(SCN)2", "A2BX2X'2", 11),
    ],
)
def test_what_no_prototype_holds_starts_from_a_structure_of_the_store(
    other: Store, formula: str, stoichiometry: str, atoms_per_formula: int
) -> None:
    composition = parse_composition(formula)
    with other.session() as session:
        store_start(session, STARTS[formula](), composition, "P1", "a test")
        asked = RelaxQuestion(formula=formula, potential="sevennet-0-d3")
        request = relax_request(session, asked)
    assert (request.phase, request.stoichiometry) == ("P1", stoichiometry)
    compound = compound_in(request)
    assert compound.atoms_per_formula == atoms_per_formula
    assert parse_composition(request.formula).formula == formula
    start = atoms_in(request.start)
    assert check(start, compound, start, keeps_polyhedra=False) == ()


def test_vacancies_need_a_finished_relaxation(other: Store) -> None:
    with other.session() as session:
        asked = relax_request(session, RelaxQuestion(formula="CsPbI3"))
        queued, _ = submit(session, asked)
        with pytest.raises(InputError, match=f"{queued.id} is queued; wait"):
            vacancy_request(session, VacancyQuestion(relaxation=queued.id))
        with pytest.raises(NotFoundError, match="no relaxation 'c0ffee'"):
            vacancy_request(session, VacancyQuestion(relaxation="c0ffee"))
