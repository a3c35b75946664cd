"""Bodies are JSON or refused with the reason; nothing that Python's parser takes besides."""

from __future__ import annotations

import pytest

from ..conftest import Api

CALCULATIONS = "/api/v1/calculations"
TOLERANCE = "/api/v1/tolerance"
JSON = "application/json"

#: Body, Content-Type and reason of refusal.
REFUSED = {
    "a name twice": ('{{"{0}": {1}, "{0}": {1}}}', JSON, "occurs twice"),
    "NaN": ('{{"{0}": {1}, "more": NaN}}', JSON, "NaN is not a number"),
    "Infinity": ('{{"{0}": {1}, "more": -Infinity}}', JSON, "Infinity is not a number"),
    "5,000 digits": ('{{"{0}": {1}, "more": ' + "9" * 5000 + "}}", JSON, "not a number up to"),
    "1e999": ('{{"{0}": {1}, "more": 1e999}}', JSON, "not a number up to"),
    "deep": ("[" * 100_000, JSON, "nested too deeply"),
    "deeper than a schema": ('{{"{0}": ' + "[" * 900 + "]" * 900 + "}}", JSON, ""),
    "half a surrogate pair": ('{{"{0}": "\\ud800"}}', JSON, "surrogate"),
    "not UTF-8": ('{{"{0}": "é"}}', JSON, "not UTF-8"),
    "a form of another site": ('{{"{0}": {1}}}', "text/plain", "application/json"),
    "no type": ('{{"{0}": {1}}}', None, "application/json"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize(
    ("path", "name", "value"),
    [(CALCULATIONS, "formula", '"CsPbBr3"'), (TOLERANCE, "formulas", '["CsPbBr3"]')],
)
def test_what_is_not_json_is_refused(
    reading_api: Api, path: str, name: str, value: str, case: str
) -> None:
    body, kind, reason = REFUSED[case]
    content = body.format(name, value).encode("latin-1" if case == "not UTF-8" else "utf-8")
    headers = {"Content-Type": kind} if kind else {}
    answer = reading_api.request("POST", path, content=content, headers=headers)
    assert answer.status_code == 422, answer.text
    assert reason in answer.json()["detail"]


def test_utf_16_is_refused(reading_api: Api) -> None:
    content = '{"formulas": ["CsPbBr3"]}'.encode("utf-16")
    answer = reading_api.request("POST", TOLERANCE, content=content, headers={"Content-Type": JSON})
    assert answer.status_code == 422
    assert "not UTF-8" in answer.json()["detail"]


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
