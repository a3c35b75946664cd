"""Whatever goes wrong, the answer is a problem in the form of RFC 9457, and says no secret."""

from __future__ import annotations

import logging
from html import unescape

import pytest

from pvkdb.errors import DatabaseError
from pvkdb_api.app import create_app
from pvkdb_api.core.problem_types import PROBLEM_TYPES
from pvkdb_api.core.settings import ServiceSettings
from pvkdb_api.explorer.site.rendering import POLICY
from pvkdb_api.frame.headers import SECURITY

from ..conftest import Api


@pytest.fixture
def empty_api(tmp_path):
    """The service on a database that nobody has migrated."""
    app = create_app(f"sqlite:///{tmp_path}/empty.sqlite", ServiceSettings(allow_local_writes=True))
    yield Api(app)
    app.state.served.close()


@pytest.mark.parametrize(
    "path", ["/readyz", "/healthz", "/", "/api/v1/devices", "/api/v1/export/devices"]
)
def test_a_database_that_is_not_migrated_is_a_503_with_the_remedy(empty_api, tmp_path, path):
    problem = empty_api.problem(path, 503)
    assert "pvkdb init" in problem["detail"]
    assert str(tmp_path) not in problem["detail"]
    assert empty_api.post("/api/v1/calculations", json={"formula": "CsPbBr3"}).status_code == 503
    assert not (tmp_path / "empty.sqlite").exists()


def test_an_unreachable_database_is_a_503_that_does_not_say_where_it_stands(caplog):
    url = "postgresql://alice:secret@127.0.0.1:9/pvkdb?connect_timeout=1"
    api = Api(create_app(url))
    for path in ("/readyz", "/healthz", "/api/v1/devices"):
        problem = api.problem(path, 503)
        assert not {"alice", "secret", "127.0.0.1"} & set(problem["detail"].split())
        assert "cannot be reached" in problem["detail"]
    assert "127.0.0.1" in caplog.text
    assert "secret" not in caplog.text


def test_a_url_that_is_no_database_is_refused_at_once():
    with pytest.raises(DatabaseError, match="sqlite"):
        create_app("mysql://host/database")


def test_paths_and_methods_that_do_not_exist(reading_api):
    assert "did you mean /api/v1/devices?" in reading_api.problem("/api/v1/device", 404)["detail"]
    assert "did you mean /api/v1/devices?" in reading_api.problem("/api/v1/devices/", 404)["detail"]
    assert "see /docs" in reading_api.problem("/wp-login.php", 404)["detail"]
    answer = reading_api.request("DELETE", "/api/v1/calculations")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/structures/similar", "POST"),  # not the structure named "similar"
        ("/api/v1/calculations/simulations", "POST"),
        ("/api/v1/structures/x", "GET"),
        ("/jobs/new", "GET, POST"),
        ("/jobs/x/cancel", "POST"),
    ],
)
def test_a_path_names_the_methods_that_it_has(reading_api, path, methods):
    answer = reading_api.request("OPTIONS", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


def test_the_unforeseen_is_a_500_without_a_traceback(reading_api, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret reason")

    monkeypatch.setattr("pvkdb.compositions.tolerance.tolerance_row", fail)
    with caplog.at_level(logging.ERROR, "pvkdb_api"):
        problem = reading_api.problem("/api/v1/tolerance/CsPbBr3", 500)
    assert "secret" not in problem["detail"]
    assert "secret reason" in caplog.text


def test_the_unforeseen_is_a_page_for_who_came_with_a_browser(reading_api, monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret reason")

    monkeypatch.setattr("pvkdb_api.explorer.pages.start.find", fail)
    answer = reading_api.request("GET", "/find?q=CsPbBr3", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert 'role="alert"' in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/healthz", "/api/v1/devices", "/api/v1/rankings/x",
             "/nowhere", "/api/v1/tolerance/CsPbBr3", "/api/v1/export/ions", "/api/v1/devices?x=1"]
)  # fmt: skip
def test_every_response_names_its_dataset_and_is_hardened(reading_api, path):
    headers = reading_api.get(path).headers
    assert headers["x-dataset-version"].startswith("review2026-")
    of_pages = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
    expected = {**SECURITY, **(of_pages if path in ("/", "/docs") else {})}
    assert {name: headers[name] for name in SECURITY} == expected


def test_each_type_of_problem_has_a_page(reading_api):
    for each in PROBLEM_TYPES.values():
        page = reading_api.get(each.uri)
        assert page.status_code == 200
        assert each.meaning in unescape(page.text)
    problem = reading_api.problem("/api/v1/devices", 422, limit=-1)
    assert reading_api.get(problem["type"]).status_code == 200
    assert "too-large" in reading_api.problem("/problems/to-large", 404)["detail"]
