"""What programs and web pages of others must know of the service: licence, and who may read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from pvkdb.store.database import Store
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import ServiceSettings

from ...patience import get

PAGE = {"Origin": "https://aggregator.example"}
OPEN = "access-control-allow-origin"


@pytest.fixture
def public(filled: Store) -> Iterator[TestClient]:
    """A service that others reach over a network."""
    app = create_app(filled.url.render_as_string(hide_password=False))
    with TestClient(app, "https://pvkdb.example") as client:
        yield client


def test_the_licence_is_a_page_of_the_service(public):
    link = public.get("/optimade/v1/info").json()["data"]["attributes"]["license"]
    assert link == "https://pvkdb.example/optimade/license"
    text = public.get(link).text
    assert "MIT License" in text
    assert "Christopher J. Bartel" in text  # data of others, with their terms


@pytest.mark.parametrize(
    "path",
    ["v1/structures?page_limit=1", "v1/info", "versions", "license", "v1/structures?filter=("],
)
def test_web_pages_of_every_origin_may_read(public, path):
    assert public.get(f"/optimade/{path}", headers=PAGE).headers[OPEN] == "*"


def test_web_pages_of_others_may_do_nothing_else(public):
    for path in ("/api/v1/materials", "/", "/livez"):
        assert OPEN not in public.get(path, headers=PAGE).headers
    asked = PAGE | {"Access-Control-Request-Method": "POST"}
    assert public.options("/optimade/v1/structures", headers=asked).status_code != 200


def test_origins_that_are_named_stay_named(filled):
    settings = ServiceSettings(cors_origins=PAGE["Origin"])
    app = create_app(filled.url.render_as_string(hide_password=False), settings)
    with TestClient(app, "https://pvkdb.example") as client:
        assert client.get("/optimade/v1/info", headers=PAGE).headers.get_list(OPEN) == [
            PAGE["Origin"]
        ]
        assert client.get("/api/v1/materials", headers=PAGE).headers[OPEN] == PAGE["Origin"]


def test_web_pages_of_others_do_not_read_what_a_user_serves_on_this_machine(address):
    assert OPEN not in get(f"{address}/optimade/v1/structures", headers=PAGE).headers
