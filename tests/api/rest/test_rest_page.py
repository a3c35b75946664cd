"""docs/rest.md: the requests that it shows are answered."""

from __future__ import annotations

import gzip
import json
import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest

from pvkdb.computed import CALCULATIONS
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.queue.claims import submit

from ..guarded import guarding, key_for

#: The name of a calculation in an address.
CALCULATION = re.compile(r"(?<=/calculations/)[0-9a-f]{12}\b")
PAGE = Path(__file__).parents[3] / "docs" / "rest.md"


def requests() -> list[list[str]]:
    """The words of each curl command."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "").split("\n")
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ curl ")]


@pytest.mark.parametrize("words", requests(), ids=lambda words: words[-1][:60])
def test_a_request_that_is_shown_is_answered(words, sqlite_store):
    with sqlite_store.session() as session:
        calculation, _ = submit(session, NebRequest(formula="CsPbI3"))
        session.flush()
        name = calculation.id
    headers, body, address = {}, None, ""
    given = iter(words)
    for word in given:
        if word == "-H":
            header, _, value = next(given).partition(": ")
            headers[header] = value
        elif word == "--data-binary":
            assert next(given).startswith("@")
            body = form()
        elif not word.startswith("-"):
            address = CALCULATION.sub(name, word.removeprefix("localhost:8000"))
    if "X-API-Key" in headers:
        headers["X-API-Key"] = key_for(sqlite_store, "import")
    with guarding(sqlite_store) as api:
        answer = api.request(
            "GET" if body is None else "POST", address, headers=headers, content=body
        )
    assert answer.status_code == 200, answer.text


def test_the_calculations_shown_are_in_the_box() -> None:
    assert len(requests()) >= 6
    shown = set(CALCULATION.findall(PAGE.read_text(encoding="utf-8")))
    with gzip.open(CALCULATIONS) as lines:
        next(lines)
        held = {json.loads(line)["key"][:12] for line in lines}
    assert shown
    assert shown <= held


def form() -> str:
    """What ``pvkdb import --template paper.yaml`` prints."""
    return (files("pvkdb.literature") / "templates" / "paper.yaml").read_text(encoding="utf-8")
