"""Relaxations and vacancies as users ask for them: what a screening has computed is the answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from pvkdb.computed import CALCULATIONS
from pvkdb.errors import InputError, NotFoundError, ParameterError
from pvkdb.schemas.calculations.relaxations import RelaxQuestion, VacancyQuestion
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.files.relaxation_requests import relax_request, vacancy_request
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue.claims import submit

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
        vacancies, new = submit(
            session, vacancy_request(session, VacancyQuestion(relaxation=relaxed.id))
        )
        assert not new
        assert vacancies.state == "done"
        assert vacancies.parameters["sites"] == [8, 9]  # two kinds of bromide in Pnma


@for_each(
    ("formula", "phase", "words"),
    [
        ("CsPbBr3", "P1", "'P1'; known: .*Pnma"),
        ("DMAPbI3", None, "molecule"),
        ("CsPb0.5Sn0.5I3", None, "shared"),
    ],
)
def test_what_no_prototype_holds_is_refused(
    other: Store, formula: str, phase: str | None, words: str
) -> None:
    with other.session() as session, pytest.raises(ParameterError, match=words):
        relax_request(session, RelaxQuestion(formula=formula, phase=phase))


def test_vacancies_need_a_finished_relaxation(other: Store) -> None:
    with other.session() as session:
        queued: Calculation = submit(
            session, relax_request(session, RelaxQuestion(formula="CsPbI3"))
        )[0]
        with pytest.raises(InputError, match=f"{queued.id} is queued; wait"):
            vacancy_request(session, VacancyQuestion(relaxation=queued.id))
        with pytest.raises(NotFoundError, match="no relaxation 'c0ffee'"):
            vacancy_request(session, VacancyQuestion(relaxation="c0ffee"))
