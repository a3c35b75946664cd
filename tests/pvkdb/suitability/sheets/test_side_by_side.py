"""Candidates side by side: the same on every surface, and no more claimed than is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.errors import NotFoundError, PvkdbError
from pvkdb.local import open_store
from pvkdb.schemas import validated
from pvkdb.schemas.rankings import CompareRequest, Comparison, Grade
from pvkdb.suitability import Options, rank
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.sheets.side_by_side import Standings, comparison, side_by_side
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import read_settings


def test_every_surface_gives_the_places_of_rankings(
    loaded_sqlite: Path, literature: Session
) -> None:
    url, names = f"sqlite:///{loaded_sqlite}", ["CsPbBr3", "CH3NH3PbI3"]
    ran = CliRunner().invoke(app, ["compare", *names, "--json", "--database", url])
    found = Comparison.model_validate_json(ran.stdout)
    assert found.candidates == ["CsPbBr3", "MAPbI3"]
    with open_store(url) as local:
        assert local.compare(names) == found
    service = create_app(url, read_settings(rate_per_minute=0))
    web = TestClient(service, follow_redirects=False)
    asked = {"materials": ",".join(names)}
    assert web.get("/api/v1/compare", params=asked).json() == json.loads(ran.stdout)
    assert f'<p class="lead">{found.answer}.' in web.get("/compare", params=asked).text
    led = web.get("/find", params={"q": "CsPbBr3 vs CH3NH3PbI3"}).headers["location"]
    assert led == "/compare?materials=CsPbBr3%2CCH3NH3PbI3"
    assert web.get("/compare?materials=CsPbBr3,KPbF3").status_code == 404
    service.state.served.store.close()
    row = next(each for each in found.applications if each.application == "selector")
    ranking = rank(literature, "selector", "materials", Options(), models=())
    assert row.ranked == len(ranking.candidates)
    for name, score in zip(found.candidates, row.scores, strict=True):
        entry = next(each for each in ranking.candidates if each.id == name)
        shown = entry.model_dump(include={"rank", "score", "score_low", "score_high"})
        assert score.model_dump(exclude={"unreviewed"}) == shown


def compared(metric: str, *given: Evidence | None) -> Comparison:
    """The comparison of devices a, b, c with evidence on one metric."""
    listed = [
        Candidate(name, name, "device", {metric: each} if each else {})
        for name, each in zip("abc", given, strict=False)
    ]
    return comparison("devices", listed, Standings())


NONE = "No measured or computed value differs between a and b beyond the errors"
MODELLED = (Evidence.exactly(0.0123, Grade.MODEL), Evidence.exactly(0.3))
LEAD = tuple(Evidence(word=word, grade=Grade.COMPOSITION) for word in ("no", "yes"))


@pytest.mark.parametrize(
    ("metric", "given", "difference", "answer"),
    [
        # A test that ended may go on: 5000 cycles and more are no less than 10⁶ and more.
        ("endurance_cycles", (Evidence(5e3), Evidence(1e6)), "within the errors", NONE),
        (
            *("on_off_ratio", (Evidence(10, 100), Evidence(1e3, 1e4)), "beyond the errors"),
            "a and b differ most in on/off ratio (a: 10 to 100; b: 1000 to 10⁴)",
        ),
        (
            *("volatility", (Evidence(word="volatile"), None, Evidence(word="both"))),
            *("beyond the errors",),
            "a, b and c differ most in volatility (a: volatile; b: unknown; c: both)",
        ),
        # The error of a single number of a model is not known.
        ("above_hull_ev_per_atom", MODELLED, "error not known", NONE),
        ("e_a_ev", (Evidence.exactly(0.3), None), "unknown", NONE),
        (
            *("lead_free", LEAD, "beyond the errors"),
            f"{NONE}; by their formulas in lead free (a: no; b: yes)",
        ),
    ],
)
def test_a_sentence_claims_what_is_sure(metric: str, given, difference: str, answer: str) -> None:
    found = compared(metric, *given)
    assert (found.values[0].difference, found.answer) == (difference, answer)


def test_a_value_has_the_digits_of_its_error_and_the_kinds_that_it_joins() -> None:
    kinds = (
        Evidence(0.25, 0.25),
        Evidence(0.021, 0.773, grade=Grade.CALIBRATED),
        Evidence(None, 0.8313, grade=Grade.MODEL),
    )
    estimate = (0.30887, 0.12895, 10)
    mean = Evidence(0.022, 0.596, grade=Grade.MEAN, estimate=estimate, beside=kinds)
    found = compared("e_a_ev", mean, None)
    value = found.values[0].values[0]
    assert value.text == "0.31 ± 0.13 eV (95 %: 0.02 eV to 0.6 eV)"
    texts = [each.text for each in value.beside]
    assert texts == ["0.25 eV", "0.02 eV to 0.77 eV", "at most 0.83 eV"]
    assert value.kind == "literature and computed"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"materials": "CsPbBr3"}, "two to four different ones are needed, not 1"),
        ({"materials": "d-t4-r14,d-t4-r15"}, "d-t4-r14 is a device.*--devices"),
        ({"materials": "CsPbBr3,CsPbBrr3"}, "did you mean 'CsPbBr3'"),
        ({"materials": "CsPbBr3,PbCsBr3"}, "CsPbBr3 and PbCsBr3: .*the same composition"),
        ({"materials": "CsPbBr3,CsPdBr3"}, r"'CsPbBr3'\? nearest of \d+: (\S+, ){9}\S+$"),
    ],
)
def test_a_refusal_names_the_value_and_the_remedy(literature: Session, given, said: str) -> None:
    with pytest.raises(PvkdbError, match=said):
        side_by_side(literature, validated(CompareRequest, given))


def test_what_the_store_lacks_is_named_with_the_nearest(literature: Session) -> None:
    request = CompareRequest(devices=["d-t4-r14x", "d-t4-r15"])
    with pytest.raises(NotFoundError, match="d-t4-r14"):
        side_by_side(literature, request)
