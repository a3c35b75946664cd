"""The site of ``make docs``: it builds without a warning, is complete and works offline."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html

from .api.explorer.axe import serious
from .conftest import lacks
from .programs import module_at

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MESSAGES = DOCS / "troubleshooting.md"

#: What others say: the shell.
FOREIGN = {"pvkdb: command not found"}


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """The program that writes the pages of the code."""
    return module_at(DOCS / "reference" / "site_pages.py")


@pytest.fixture(scope="module")
def site() -> Path:
    """The site as `make docs` builds it, in its place: pages that are there are not made again."""
    if importlib.util.find_spec("sphinx") is None:
        lacks("Sphinx is not installed (extra 'docs')")
    (line,) = re.findall(
        r"^\t\$\(BIN\)/python (-m sphinx .*)\\\n\t  (.*)$", (ROOT / "Makefile").read_text(), re.M
    )
    words = " ".join(line).split()
    built = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return ROOT / words[-1]


@cache
def parsed(path: Path) -> Any:
    return html.parse(str(path)).getroot()


def addresses(site: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(site.rglob("*.html")):
        root = parsed(path)
        for attribute in ("href", "src"):
            for found in root.xpath(f"//@{attribute}"):
                yield path, str(found)


@pytest.mark.slow
def test_every_public_name_is_in_the_reference(site: Path, pages: ModuleType) -> None:
    names = list(pages.documented())
    assert {"pvkdb", "pvkdb.client", "pvkdb_pipelines", "pvkdb_api.app"} <= {
        each[0] for each in names
    }
    for module, name, home in names:
        text = (site / "docs/reference/python" / f"{module}.html").read_text(encoding="utf-8")
        where = "" if home == module else f"{home}.html"
        assert f'href="{where}#{home}.{name}"' in text, (module, name)
        described = parsed(site / "docs/reference/python" / f"{home}.html")
        assert described.get_element_by_id(f"{home}.{name}") is not None


@pytest.mark.slow
def test_every_command_table_and_route_is_in_the_reference(site: Path) -> None:
    from pvkdb.cli.app import app
    from pvkdb.schemas.tables import TABLES

    commands = parsed(site / "docs/reference/commands.html").text_content()
    for each in app.registered_commands:
        assert f"Usage: pvkdb {each.name} " in commands
    rest = parsed(site / "docs/reference/rest/devices.html").text_content()
    assert "GET /api/v1/devices" in rest
    tables = parsed(site / "docs/reference/tables.html")
    for name in TABLES:
        assert tables.get_element_by_id(name.replace("_", "-")) is not None


@pytest.mark.slow
def test_no_link_within_the_site_is_broken_and_nothing_comes_from_elsewhere(site: Path) -> None:
    count = 0
    for page, address in addresses(site):
        parts = urlsplit(address)
        if parts.scheme in ("http", "https", "mailto"):
            continue
        assert not parts.scheme, (page, address)
        assert not parts.netloc, (page, address)
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        assert target.is_file(), (page.name, address)
        if parts.fragment and target.suffix == ".html":
            ids = parsed(target).xpath("//@id")
            assert unquote(parts.fragment) in ids or parts.fragment == "top", (page.name, address)
        count += 1
    assert count > 1000
    loaded = "//script/@src | //link[@rel='stylesheet']/@href | //img/@src"
    for page in site.rglob("*.html"):
        assert not [a for a in parsed(page).xpath(loaded) if urlsplit(str(a)).netloc], page.name


@pytest.mark.slow
def test_a_search_finds_a_page_without_a_network(site: Path, chromium: Any) -> None:
    assert (site / "searchindex.js").stat().st_size > 10_000
    tab = chromium.new_page()
    requested: list[str] = []
    tab.on("request", lambda request: requested.append(request.url))
    tab.goto(f"{(site / 'search.html').as_uri()}?q=sneak")
    tab.get_by_role("link", name="Crossbar arrays").first.wait_for()
    assert all(address.startswith(("file:", "data:")) for address in requested)
    tab.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["docs/index", "docs/reference/python/pvkdb", "docs/how-to"])
def test_pages_are_accessible(site: Path, chromium: Any, name: str) -> None:
    tab = chromium.new_page()
    tab.goto((site / f"{name}.html").as_uri())
    assert not serious(tab)
    tab.close()


def texts_of_the_code() -> list[str]:
    """Every text of the packages; what is filled in is `…`."""
    found = []
    for folder in ("pvkdb", "pipelines", "api"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = [p.value if isinstance(p, ast.Constant) else "…" for p in node.values]
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return found


@pytest.mark.slow
def test_messages_of_troubleshooting_are_those_of_the_code() -> None:
    shown = re.findall(r"^### `(.*)`$", MESSAGES.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(shown) > 40
    texts = texts_of_the_code()
    for message in set(shown) - FOREIGN:
        pieces = [re.escape(piece) for piece in message.split("…")]
        pattern = re.compile(".*".join(pieces), re.DOTALL)
        assert any(pattern.search(text) for text in texts), message
