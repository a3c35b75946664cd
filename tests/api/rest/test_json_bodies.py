"""Bodies are JSON or refused with the reason; nothing that Python's parser takes besides."""

from __future__ import annotations

import pytest

from ..conftest import Api

TOLERANCE = "/api/v1/tolerance"
JSON = "application/json"

#: Body, Content-Type and reason of refusal.
REFUSED = {
    "a name twice": ('{"formulas": ["CsPbBr3"], "formulas": ["CsPbBr3"]}', JSON, "occurs twice"),
    "deep": ("[" * 100_000, JSON, "nested too deeply"),
    "deeper than a schema": ('{"formulas": ' + "[" * 900 + "]" * 900 + "}", JSON, ""),
    "not UTF-8": ('{"formulas": "é"}', JSON, "not UTF-8"),
    "a form of another site": ('{"formulas": ["CsPbBr3"]}', "text/plain", "application/json"),
    "no type": ('{"formulas": ["CsPbBr3"]}', None, "application/json"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_json_is_refused(reading_api: Api, case: str) -> None:
    body, kind, reason = REFUSED[case]
    encoding = "latin-1" if case == "not UTF-8" else "utf-8"
    headers = {"Content-Type": kind} if kind else {}
    content = body.encode(encoding)
    answer = reading_api.request("POST", TOLERANCE, content=content, headers=headers)
    assert answer.status_code == 422, answer.text
    assert reason in answer.json()["detail"]


def test_every_route_that_takes_json_parses_it_so(reading_api: Api) -> None:
    taken = [
        path
        for path, operations in reading_api.app.openapi()["paths"].items()
        if JSON in operations.get("post", {}).get("requestBody", {}).get("content", {})
    ]
    assert len(taken) >= 3
    for path in taken:
        answer = reading_api.request(
            "POST", path, content='{"a": 1, "a": 2}', headers={"Content-Type": JSON}
        )
        assert answer.status_code == 422, path
        assert "occurs twice" in answer.json()["detail"]
        kind = {"Content-Type": "text/plain"}
        form = reading_api.request("POST", path, content="{}", headers=kind)
        assert form.status_code in (415, 422), path
        assert JSON in form.json()["detail"]
