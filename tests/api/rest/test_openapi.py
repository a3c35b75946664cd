"""The description of the service, and the pages for people, which load nothing from outside."""

from __future__ import annotations

import re
from html import unescape

import pytest

from pvkdb.store.collections import LISTED
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import ServiceSettings
from pvkdb_api.explorer.site.overview import COUNTED
from pvkdb_api.explorer.site.rendering import SECTIONS
from pvkdb_api.rest.openapi import examples

from ...patience import get
from ...programs import listening
from ..conftest import LOCAL, serving


@pytest.fixture
def description(reading_api):
    return reading_api.get("/openapi.json").json()


def operations(description):
    return [
        (path, method, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_says_what_it_gives_and_how_it_fails(description):
    found = operations(description)
    assert len(found) >= 2 * len(LISTED) + 6
    for _, _, operation in found:
        assert operation["summary"]
        assert operation["tags"]
        assert all(each.get("description") for each in operation.get("parameters", ()))
        problem = operation["responses"]["default"]["content"]
        assert problem == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }
    identities = [operation["operationId"] for _, _, operation in found]
    assert len(set(identities)) == len(identities)


def test_every_reference_inside_the_description_leads_somewhere(description):
    names = set(re.findall(r"#/components/schemas/([\w.]+)", str(description)))
    assert names <= set(description["components"]["schemas"])
    assert "HTTPValidationError" not in names


def test_a_generator_of_clients_finds_what_it_needs(description):
    """Rules of openapi-python-client, which warns of bodies and answers it has no code for."""
    assert description["servers"][0]["url"] == LOCAL
    used = {tag for _, _, operation in operations(description) for tag in operation["tags"]}
    described = {each["name"]: each["description"] for each in description["tags"]}
    assert described.keys() == used
    assert all(described.values())
    for path, _, operation in operations(description):
        assert re.fullmatch(r"[a-z_]+", operation["operationId"])
        assert {*operation.get("requestBody", {}).get("content", {})} <= {"application/json"}
        for status, answer in operation["responses"].items():
            kinds = {*answer.get("content", {})}
            known = {kind for kind in kinds if re.search(r"json$|^text/|octet-stream$", kind)}
            assert known or not kinds, (path, status)


@pytest.mark.parametrize("name", LISTED)
def test_the_filters_of_a_collection_are_documented(description, name):
    parameters = description["paths"][f"/api/v1/{name}"]["get"]["parameters"]
    documented = {entry["name"]: entry["description"] for entry in parameters}
    shared = {"limit", "cursor", "fields", "sort", "facets"}
    assert set(documented) == {*LISTED[name].filters, *shared}
    for filter_name, entry in LISTED[name].filters.items():
        assert documented[filter_name] == entry.description


def test_neither_a_start_nor_a_request_waits_for_the_description(loaded_sqlite, monkeypatch):
    """It takes a second to make."""
    monkeypatch.setattr("pvkdb_api.rest.openapi._completed", pytest.fail)
    with listening(create_app(f"sqlite:///{loaded_sqlite}", ServiceSettings())) as address:
        assert get(f"{address}/api/v1/devices?limit=1").json()["total"] > 0
        assert "absorber" in get(f"{address}/api/v1/devices?absorbr=x").json()["detail"]
        assert "/api/v1/devices" in get(f"{address}/api/v1/device").json()["detail"]


def test_the_front_page_shows_what_the_store_holds(reading_api):
    page = reading_api.get("/").text
    assert reading_api.get("/healthz").json()["dataset_version"] in page
    for name, filters, label in COUNTED:
        chosen = {key: ",".join(values) for key, values in filters.items()}
        total = reading_api.get(f"/api/v1/{name}", limit=0, **chosen).json()["total"]
        assert f">{total:,} {label}</a>" in page, name


def test_links_of_the_pages_lead_somewhere(reading_api):
    served = {getattr(route, "path", None) for route in reading_api.app.routes}
    sections = {*dict(SECTIONS), "/key"}
    for path in ("/", "/docs"):
        links = set(re.findall(r'href="(/[^"]*)"', reading_api.get(path).text))
        assert links
        for link in map(unescape, links):
            section = re.match(r"/[^/?#]*", link)[0]
            if section in sections and section not in served:
                continue  # a section of the explorer that is not built in
            answer = reading_api.get(link)
            assert answer.status_code in (200, 303), link


def test_the_operations_page_lists_every_operation(reading_api, description):
    page = reading_api.get("/docs").text
    for path, method, operation in operations(description):
        assert f"<b>{method.upper()}</b> <code>{path}</code>" in page
        assert operation["summary"] in page


def test_every_field_says_what_it_means_and_shows_a_value(description):
    for name, schema in description["components"]["schemas"].items():
        for field, declared in schema.get("properties", {}).items():
            assert declared.get("description"), f"{name}.{field}"
            shown = declared.get("examples") or declared.get("default") is not None
            assert shown or _is_made_of_others(declared), f"{name}.{field}"


def test_examples_belong_to_fields_of_the_service(description):
    """When this fails, run: python docs/reference/openapi.py"""
    schemas = description["components"]["schemas"]
    for name, fields in examples().items():
        assert name in schemas
        assert set(fields) <= set(schemas[name]["properties"]), name


def test_a_filter_says_that_it_takes_several_values(description):
    parameters = description["paths"]["/api/v1/devices"]["get"]["parameters"]
    several = {entry["name"] for entry in parameters if "x-separator" in entry["schema"]}
    filters = LISTED["devices"].filters
    assert several == {name for name, entry in filters.items() if entry.many} != set()


def _is_made_of_others(declared):
    """Whether the values are documents, whose own fields show theirs."""
    options = declared.get("anyOf", [declared])
    return all(
        "$ref" in option or option.get("type") in ("array", "object", "null") for option in options
    )


def test_the_first_requests_may_come_at_the_same_time(sqlite_store):
    """The description, which every request looks into, is made by the first one."""
    for _ in range(3):
        for api in serving(str(sqlite_store.url)):
            answers = api.together([("GET", "/api/v1/tolerance/CsPbBr3", {})] * 20)
            assert {answer.status_code for answer in answers} == {200}
