"""Papers come in over HTTP: with a key that may, all of a paper or nothing of it, once."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from pvkdb.store.database import Store
from pvkdb.store.security.audit import entries

from ..conftest import Api
from ..guarded import PUBLIC, guarding, key_for

PATH = "/api/v1/import"
YAML = "application/yaml"
PAPER = """\
reference:
  doi: 10.1000/{name}
  authors: [A. {name}]
  title: Ions in CsPbBr3
  journal: J. Ex.
  year: 2026
energetics:
  - {{material: CsPbBr3, phase: Pnma, defect: V_Br, quantity: E_A, value: ~25 kJ/mol,
     method: experiment, conditions: "{name}", source: Fig. 3b}}
"""


@pytest.fixture(scope="module")
def api(guarded_store: Store) -> Iterator[Api]:
    with guarding(guarded_store) as api:
        yield api


@pytest.fixture(scope="module")
def key(guarded_store: Store) -> str:
    return key_for(guarded_store, "import")


@pytest.fixture
def send(api: Api, key: str):
    """Send a paper."""

    def send(
        body: str | bytes, media_type: str = YAML, key: str = key, query: str = "", **headers: str
    ) -> httpx.Response:
        headers |= {"X-API-Key": key, "Content-Type": media_type}
        return api.request("POST", f"{PATH}{query}", content=body, headers=headers)

    return send


def held(api: Api) -> tuple[int, str]:
    page = api.get("/api/v1/energetics", limit=0).json()
    return page["total"], page["dataset_version"]


def test_a_paper_is_added_once_and_is_in_the_audit_log(send, api, guarded_store) -> None:
    before, version = held(api)
    answer = send(PAPER.format(name="Once"), query="?name=once2026")
    assert answer.status_code == 200, answer.text
    report = answer.json()
    added = {name: report["counts"][name]["added"] for name in ("references", "energetics")}
    assert added == {"references": 1, "energetics": 1}
    assert report["changes"][1]["file"] == "once2026.yaml"
    assert answer.headers["x-dataset-version"] == report["dataset_version"] != version
    assert held(api) == (before + 1, report["dataset_version"])
    again = send(PAPER.format(name="Once")).json()
    assert again["counts"]["energetics"] == {"added": 0, "superseding": 0, "already_there": 1}
    assert again["dataset_version"] == report["dataset_version"]
    with guarded_store.session(read_only=True) as session:
        done = [e.subject for e in entries(session, 50) if e.action == "import papers"]
    assert done.count(report["dataset_version"]) == 1


def test_a_dry_run_says_what_would_change_and_changes_nothing(send, api, guarded_store) -> None:
    before = held(api)
    answer = send(PAPER.format(name="Dry"), query="?dry_run=true", **{"Idempotency-Key": "dry"})
    assert answer.json()["dry_run"] is True
    assert answer.json()["counts"]["energetics"]["added"] == 1
    assert held(api) == before
    assert send(PAPER.format(name="Dry"), **{"Idempotency-Key": "dry"}).json()["dry_run"] is False
    assert held(api)[0] == before[0] + 1


def test_a_wrong_paper_names_every_place_and_adds_nothing(send, api) -> None:
    before = held(api)
    wrong = PAPER.format(name="Wrong") + (
        "  - {material: CsPbO3, defect: V_O, quantity: E_A, value: 1 eV, method: DFT, source: x}\n"
        "  - {material: CsPbBr3, defect: V_Br, quantity: E_A, value: 1 m, method: DFT, source: x}\n"
    )
    answer = send(wrong, query="?name=wrong")
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["detail"].startswith("2 problems, the first: wrong.yaml line 10, column mat")
    assert problem["detail"].endswith("nothing was imported")
    places = [(each["line"], each["column"]) for each in problem["problems"]]
    assert places == [(10, "material"), (11, "value")]
    assert held(api) == before
    assert api.get("/api/v1/references", doi="10.1000/wrong").json()["total"] == 0


@pytest.mark.parametrize(
    ("body", "media_type", "status", "said"),
    [
        ("", YAML, 422, "paper.yaml: holds no row; a form to fill in: pvkdb import --template"),
        ("[1, 2]", "application/json", 422, "must hold a mapping"),
        ('{"device": []}', "application/json", 422, "did you mean 'devices'?"),
        (PAPER.format(name="x"), "application/xml", 415, "send application/yaml"),
        (PAPER.format(name="x"), "", 415, "send application/yaml"),
        (b"x" * 2_000_000, YAML, 413, "larger than"),
    ],
)
def test_what_is_no_paper_is_refused(send, api, body, media_type, status, said) -> None:
    before = held(api)
    answer = send(body, media_type)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert held(api) == before


@pytest.mark.parametrize("name", ["../etc/passwd", "a/b", "a.yaml", "", "x" * 61, "-a"])
def test_the_name_is_no_path(send, name: str) -> None:
    answer = send("{}", query=f"?name={name}")
    assert (answer.status_code, answer.json()["parameter"]) == (422, "name")


def test_a_repeated_import_gets_its_first_answer(send, api) -> None:
    body, again = PAPER.format(name="Twice"), {"Idempotency-Key": "twice"}
    first, second = send(body, **again), send(body, **again)
    assert second.content == first.content
    assert second.headers["idempotent-replayed"] == "true"
    other = send(PAPER.format(name="Other"), **again)
    assert (other.status_code, other.json()["parameter"]) == (422, "Idempotency-Key")


def test_imports_at_the_same_time_add_once(api, key) -> None:
    before = held(api)[0]
    headers = {"X-API-Key": key, "Content-Type": YAML}
    sent = ("POST", PATH, {"content": PAPER.format(name="Same"), "headers": headers})
    answers = api.together([sent] * 5)
    assert {answer.status_code for answer in answers} == {200}
    added = [answer.json()["counts"]["energetics"]["added"] for answer in answers]
    assert sorted(added) == [0, 0, 0, 0, 1]
    assert held(api)[0] == before + 1


def test_another_key_confirms_an_import(api: Api, send, key: str, guarded_store: Store) -> None:
    version = send(PAPER.format(name="Reviewed")).json()["dataset_version"]
    other = key_for(guarded_store, "import", name="second")
    before = api.get("/api/v1/rankings/selector", subject="materials").json()

    def confirm(key: str, version: str | None = version) -> httpx.Response:
        asked = {"version": version} if version else {}
        return api.request("POST", f"{PATH}/review", json=asked, headers={"X-API-Key": key})

    waiting = confirm(key, None).json()["data"]
    assert version in [each["version"] for each in waiting]
    own = confirm(key)
    assert (own.status_code, "another person confirms it" in own.json()["detail"]) == (403, True)
    assert confirm(other, "nothing").status_code == 404
    headers = {"Origin": PUBLIC, "Accept": "text/html", "Cookie": f"pvkdb_key={other}"}
    form = {"data": {"version": version}, "headers": headers}
    page = api.request("POST", "/draft/review", **form)
    assert page.status_code == 200
    assert version not in page.text.partition('id="review"')[2].partition("</main>")[0]
    again = confirm(other)
    assert again.status_code == 409
    assert "confirmed already, by key" in again.json()["detail"]
    with guarded_store.session() as session:
        noted = next(each for each in entries(session, 9) if each.action == "review import")
    assert (noted.subject, "(second)" in noted.caller) == (version, True)
    after = api.get("/api/v1/rankings/selector", subject="materials").json()
    assert before["candidates"] != after["candidates"]
