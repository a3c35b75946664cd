"""Runs of screenings over HTTP: a real plan, run to its tolerance stage, on both databases."""

from __future__ import annotations

import pytest

from pvkdb.schemas.screening import ScreeningReport
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.runs import screening_runs
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import parse_plan
from pvkdb_pipelines.screening.recorded import begin_run, holding

PATH = "/api/v1/screenings"
PLAN = """\
title = "Caesium and rubidium halides"
types = ["ABX3"]
stop_after = "tolerance"
rank_by = "tau"
[ions]
A = ["Cs", "Rb"]
B = [{b}]
X = ["I", "Br", "Cl"]
[filters]
tolerance = ["tau < 4.1"]
"""


def screen(store: Store, name: str = "halides", b: str = '"Pb2+", "Sn2+"') -> int:
    run = begin_run(store, name)
    assert run is not None
    with holding(run):
        run.screen(Funnel(parse_plan(PLAN.format(b=b)), store))
    return run.id


@pytest.fixture
def runs(store: Store) -> list[int]:
    """Two runs of a plan, one of another, and one that failed."""
    found = [screen(store, b='"Pb2+"'), screen(store), screen(store, "others")]
    with store.session() as session:
        asked = ("halides", utc_now(), "a", lambda owner: True)
        begun = screening_runs.begin(session, *asked, scheduled=False)
        screening_runs.fail(session, begun.id, "a", "the potential is missing")
        found.append(begun.id)
    return found


def test_runs_are_listed_the_newest_first_and_by_pages(api, runs: list[int]) -> None:
    page = api.get(PATH).json()
    assert [run["id"] for run in page["data"]] == runs[::-1]
    assert (page["total"], page["next_cursor"]) == (4, None)
    failed, _, second, first = page["data"]
    assert (failed["state"], failed["failure"]) == ("failed", "the potential is missing")
    assert first["counts"]["compositions"] == 6
    assert second["counts"]["compositions"] == 12
    assert second["differences"]["since"] == runs[0]
    of_plan = {"plan": "halides", "state": "done", "limit": 1}
    page = api.get(PATH, **of_plan).json()
    assert ([run["id"] for run in page["data"]], page["total"]) == ([runs[1]], 2)
    page = api.get(PATH, **of_plan, cursor=page["next_cursor"]).json()
    assert ([run["id"] for run in page["data"]], page["next_cursor"]) == ([runs[0]], None)
    assert api.get(PATH, limit=0).json()["data"] == []


def test_the_funnel_adds_up_and_the_reasons_are_counted(api, runs: list[int]) -> None:
    answer = api.get(f"{PATH}/{runs[1]}")
    tag = {"If-None-Match": answer.headers["etag"]}
    assert api.request("GET", f"{PATH}/{runs[1]}", headers=tag).status_code == 304
    run = answer.json()
    assert run["title"] == "Caesium and rubidium halides"
    assert [stage["stage"] for stage in run["stages"]] == ["enumerate", "tolerance"]
    enumerated, tolerance = run["stages"]
    assert enumerated["passed"] == tolerance["entered"] == 12
    assert tolerance["passed"] == run["counts"]["passed"]
    assert tolerance["entered"] == tolerance["passed"] + sum(tolerance["fell"].values())
    assert sum(reason["count"] for reason in run["reasons"]) == sum(tolerance["fell"].values()) > 0
    assert run["reasons"][0]["reason"] == "not tau < 4.1"
    assert len(run["reasons"][0]["formulas"]) == min(6, run["reasons"][0]["count"])


def test_a_plan_stands_for_its_newest_run(api, runs: list[int]) -> None:
    assert api.get(f"{PATH}/others").json() == api.get(f"{PATH}/{runs[2]}").json()
    newest = api.get(f"{PATH}/halides").json()
    assert (newest["id"], newest["stages"], newest["title"]) == (runs[3], [], None)


def test_candidates_come_by_rank_and_then_by_how_far_they_came(api, runs: list[int]) -> None:
    path = f"{PATH}/{runs[1]}/candidates"
    everything = api.get(path).json()
    assert everything["total"] == 12
    passed = api.get(path, passed=True).json()["data"]
    assert [row["rank"] for row in passed] == [*range(1, len(passed) + 1)]
    assert [row["tau"] for row in passed] == sorted(row["tau"] for row in passed)
    fallen = api.get(path, passed=False, reason="not tau < 4.1").json()["data"]
    assert all(row["stage"] == "tolerance" and row["tau"] >= 4.1 for row in fallen)
    assert everything["data"] == passed + fallen
    lead_free = api.get(path, lead_free=True).json()["data"]
    assert {row["formula"] for row in lead_free} == {
        row["formula"] for row in everything["data"] if "Pb" not in row["formula"]
    }
    paged = [row for page in api.pages(path, limit=5) for row in page["data"]]
    assert paged == everything["data"]


def test_the_whole_report_is_the_one_in_the_store(api, runs: list[int], store: Store) -> None:
    report = ScreeningReport.model_validate(api.get(f"{PATH}/{runs[0]}/report").json())
    with store.session(read_only=True) as session:
        run = screening_runs.find_run(session, str(runs[0]))
        assert report.model_dump_json() == screening_runs.report_of(run)


def test_what_is_not_there_says_so(api, runs: list[int]) -> None:
    for name in ("none", "99", "²", "9" * 40, "-1"):
        assert "no run" in api.problem(f"{PATH}/{name}", 404)["detail"]
    for rest in ("candidates", "report"):
        missing = api.problem(f"{PATH}/{runs[3]}/{rest}", 404)
        assert "is failed and has no report" in missing["detail"]
    assert api.problem(PATH, 422, state="don")["parameter"] == "state"
    assert api.problem(PATH, 422, plans="x")["parameter"] == "plans"
    cursor = api.get(PATH, limit=1).json()["next_cursor"]
    for path, parameters in (
        (PATH, {"cursor": "x"}),
        (PATH, {"cursor": cursor, "plan": "others"}),
        (f"{PATH}/{runs[1]}/candidates", {"cursor": cursor}),
    ):
        assert api.problem(path, 422, **parameters)["parameter"] == "cursor"
