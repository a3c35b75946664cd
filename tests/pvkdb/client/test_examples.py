"""Every example in a docstring of the client, and on its page, runs against a live service."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import pvkdb.client
import pvkdb.local
from pvkdb.client import Client

from .conftest import SETTINGS

PAGE = Path(__file__).parents[3] / "docs" / "client.md"
MODULES = [
    pvkdb.local,
    *(
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(pvkdb.client.__path__, "pvkdb.client.")
        if not found.ispkg
    ),
]


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [test for module in [pvkdb.client, *MODULES] for test in finder.find(module)]
    return [test for test in found if test.examples]


def ready(text: str, address: str, database: str) -> str:
    written = f'"{address}", api_key="{SETTINGS.local_key}"'
    text = text.replace('"http://127.0.0.1:8000"', written)
    return text.replace("sqlite:///pvkdb.sqlite", database)


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_the_example_of_a_docstring_runs(example, served, tmp_path, monkeypatch):
    store, address = served
    monkeypatch.chdir(tmp_path)
    for step in example.examples:
        step.source = ready(step.source, address, str(store.url))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    with Client(address, api_key=SETTINGS.local_key) as client:
        example.globs["client"] = client
        runner.run(example, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_the_page_runs_from_top_to_bottom(served, tmp_path, monkeypatch, capsys):
    store, address = served
    assert len(examples()) >= 20
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 8
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(ready(block, address, str(store.url)), PAGE.name, "exec"), names)
    names["client"].close()
    shown = capsys.readouterr().out
    assert "value_min_ev" in shown
    assert "did you mean 'absorber'" in shown
