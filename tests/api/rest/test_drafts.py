"""Papers at the desk over HTTP: for keys that may import, as text or PDF, no decision is lost."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pvkdb.store.database import Store

from ...pvkdb.literature.drafts.printed_pdf import pdf_of
from ..conftest import Api
from ..guarded import guarding, key_for

PATH = "/api/v1/drafts"
TEXT = "The ITO/CsPbBr3/Ag device has an endurance of 500 cycles."


@pytest.fixture(scope="module")
def api(guarded_store: Store) -> Iterator[Api]:
    with guarding(guarded_store, max_paper_bytes=2_000_000) as api:
        yield api


@pytest.fixture(scope="module")
def ada(guarded_store: Store) -> str:
    return key_for(guarded_store, "import", name="Ada")


def post(api: Api, key: str, path: str = "", **body: Any) -> httpx.Response:
    return api.request("POST", f"{PATH}{path}", json=body, headers={"X-API-Key": key})


def read(api: Api, key: str, **query: int) -> httpx.Response:
    return api.request("GET", PATH, params=query, headers={"X-API-Key": key})


def test_papers_are_for_keys_that_may_import(api: Api, ada: str, guarded_store: Store) -> None:
    number = post(api, ada, text=TEXT).json()["id"]
    reader = key_for(guarded_store, "read")
    assert api.get(PATH).status_code == 401
    for query in ({}, {"draft": number}):
        assert read(api, reader, **query).status_code == 403
    assert read(api, ada).json()["data"][0]["rows"] is None
    assert read(api, ada, draft=number).json()["data"][0]["text"] == TEXT
    assert read(api, ada, draft=99).status_code == 404


def test_a_pdf_or_a_text_is_taken_and_nothing_else(api: Api, ada: str) -> None:
    text = "The ITO/CsPbI3/Ag device has an endurance of 10^{3} cycles."
    pdf = b64encode(pdf_of([text])).decode()
    taken = post(api, ada, name="paper.pdf", pdf=pdf).json()
    assert taken["rows"][1]["cells"][-1]["value"] == "10³ cycles"
    assert "(Ada)" in taken["created_by"]
    for body, words in (
        ({}, "give one of text and pdf"),
        ({"text": TEXT, "pdf": pdf}, "give one of text and pdf"),
        ({"pdf": "a"}, "neither text nor base64"),
        ({"pdf": "°"}, "neither text nor base64"),
        ({"pdf": b64encode(b"%PDF-1.4 broken").decode()}, "damaged PDF"),
    ):
        refused = post(api, ada, **body)
        assert (refused.status_code, words in refused.json()["detail"]) == (422, True)


def test_a_paper_may_be_larger_than_other_bodies(api: Api, ada: str, guarded_store: Store) -> None:
    large = TEXT + 1_300_000 * " "  # others may have 1 MiB
    assert post(api, ada, text=large).status_code == 200
    assert post(api, ada, text=2 * large).status_code == 413
    assert post(api, key_for(guarded_store, "queue"), text=large).status_code == 413
    other = api.request("POST", "/api/v1/import", content=large, headers={"X-API-Key": ada})
    assert other.status_code == 413


def test_a_decision_on_another_revision_is_refused_and_says_what_changed(
    api: Api, ada: str, guarded_store: Store
) -> None:
    draft = post(api, ada, text=f"{TEXT} It is thin.").json()
    bob = key_for(guarded_store, "import", name="Bob")
    asked = {"draft": draft["id"], "cells": ["devices-1.endurance"]}
    no_number = post(api, ada, "/decide", **asked, revision=False, action="accept")
    assert (no_number.status_code, "not numbers" in no_number.json()["detail"]) == (422, True)
    made = post(api, ada, "/decide", **asked, revision=0, action="correct", value="600 cycles")
    assert (made.status_code, made.json()["revision"]) == (200, 1)
    late = post(api, bob, "/decide", **asked, revision=0, action="accept")
    assert late.status_code == 409
    (problem,) = late.json()["problems"]
    assert (problem["column"], problem["value"]) == ("devices-1.endurance", "600 cycles")
    assert "(Ada) corrected it" in problem["reason"]
    assert post(api, bob, "/decide", **asked, revision=1, action="steal").status_code == 422
    now = read(api, bob, draft=draft["id"]).json()["data"][0]
    cells = {cell["cell"]: cell for row in now["rows"] for cell in row["cells"]}
    assert cells["devices-1.endurance"]["decided"] == "600 cycles"
    early = post(api, bob, "/enter", draft=draft["id"], revision=1)
    assert (early.status_code, "wait for a decision" in early.json()["detail"]) == (409, True)


def test_who_enters_does_not_confirm_with_any_key(api: Api, ada: str, guarded_store: Store) -> None:
    draft = post(api, ada, text=f"{TEXT} It is thick.").json()
    about = {"authors": "A. Tester", "title": "Ions", "year": "2024"}
    revision = 0
    for field, value in about.items():
        asked = {"draft": draft["id"], "cells": [f"reference.{field}"], "revision": revision}
        made = post(api, ada, "/decide", **asked, action="correct", value=value)
        revision = made.json()["revision"]
    cells = [x["cell"] for row in draft["rows"] for x in row["cells"] if x["value"]]
    asked = {"draft": draft["id"], "cells": cells, "revision": revision}
    assert post(api, ada, "/decide", **asked, action="accept").status_code == 200
    report = post(api, ada, "/enter", draft=draft["id"], revision=revision + 1)
    version = report.json()["dataset_version"]
    assert report.headers["x-dataset-version"] == version
    for key in (ada, key_for(guarded_store, "import", name="Ada")):
        asked = {"json": {"version": version}, "headers": {"X-API-Key": key}}
        own = api.request("POST", "/api/v1/import/review", **asked)
        assert own.status_code == 403
        assert "pvkdb keys create NAME --scope import" in own.json()["detail"]
