"""The page that drafts an import from a paper, and imports what a person has ticked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pvkdb.literature.drafts import Draft
from pvkdb.store.collections import DEVICES
from pvkdb.store.database import Store
from pvkdb.store.models.devices import Device
from pvkdb.store.security.audit import entries
from pvkdb_api.explorer.pages import draft

from ...guarded import key_for
from ..browsing import Browser, alert_in
from ..conftest import Visitor, serving_at

PAPER = """<html><head><meta name="citation_title" content="A memristor of caesium lead bromide">
<meta name="citation_author" content="A. Tester"><meta name="citation_publication_date"
content="2024"></head><body><p>The ITO/CsPbBr3/Ag device &lt;b&gt; has an endurance of 103 cycles.
The film is 300 nm thick.</p></body></html>"""
TICKED = {
    "reference": {"title": "A memristor", "authors": "A. Tester", "year": "2024"},
    "devices": [
        {
            "structure": "ITO/CsPbBr3/Ag",
            "absorber": "CsPbBr3",
            "endurance": "1000 cycles",
            "source": "beginning",
        }
    ],
}


def upload(browser: Browser, content: bytes, name: str = "paper.html"):
    return browser.submit("/draft", {}, files={"paper": (name, content)})


def send(browser: Browser, action: str, paper: object):
    return browser.submit("/draft/import", {"action": action, "paper": json.dumps(paper)})


def is_there(store: Store) -> bool:
    with store.session(read_only=True) as session:
        return session.get(Device, "tester2024-d001") is not None


def test_drafts_need_a_key_for_imports(browser: Browser, guarded_store: Store) -> None:
    assert "require a key with the scope <code>import</code>" in browser.open("/draft")
    assert upload(browser, PAPER.encode()).status_code == 401
    assert send(browser, "import", TICKED).status_code == 401
    browser.sign_in(key_for(guarded_store, "queue"))
    assert upload(browser, PAPER.encode()).status_code == 403


def test_a_draft_shows_each_value_with_its_sentence(importer: Browser) -> None:
    answer = upload(importer, PAPER.encode())
    assert answer.status_code == 200
    assert "The ITO/CsPbBr3/Ag device &lt;b&gt; has an endurance of 103 cycles." in answer.text
    assert 'value="10^3 cycles" aria-label="endurance, devices 1"' in answer.text
    assert "Doubt: is it 10^3?" in answer.text
    assert 'value="300 nm" aria-label="thickness, devices 1"' in answer.text
    assert "checked" not in answer.text


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "Choose a file"), (b"%PDF-1.4 broken", "damaged PDF"), (b" \n ", "is empty")],
)
def test_what_is_no_paper_is_refused(importer: Browser, content: bytes, reason: str) -> None:
    answer = upload(importer, content)
    assert answer.status_code == 422
    assert reason in alert_in(answer.text)


def test_a_paper_is_read_before_a_session_opens(importer: Browser, monkeypatch) -> None:
    turns = importer.app.state.served.turns
    free = []
    monkeypatch.setattr(
        draft, "draft_paper", lambda _: free.append(turns._value) or Draft("p", {}, [], [])
    )
    assert upload(importer, b"text").status_code == 200
    assert free == [turns._value]


def test_a_preview_changes_nothing_and_an_import_does(
    importer: Browser, guarded_store: Store
) -> None:
    preview = send(importer, "preview", TICKED)
    assert "tester2024-d001" in preview.text
    assert "Nothing was changed yet" in preview.text
    assert not is_there(guarded_store)
    done = send(importer, "import", TICKED)
    assert "Imported" in done.text
    assert is_there(guarded_store)
    with guarded_store.session(read_only=True) as session:
        last = entries(session, limit=1)[0]
    assert "(Ada)" in last.caller
    assert last.action == "import papers"


def test_problems_are_those_of_every_import(importer: Browser) -> None:
    wrong = {**TICKED, "devices": [{"structure": "ITO/CsPbBr3/Ag", "endurance": "? 5 cycles"}]}
    for action in ("preview", "import"):
        answer = send(importer, action, wrong)
        assert "nobody has confirmed" in alert_in(answer.text)
    answer = importer.submit("/draft/import", {"action": "import", "paper": "nonsense"})
    assert "is not JSON" in alert_in(answer.text)
    assert "no value is ticked" in send(importer, "preview", {}).text


def test_a_person_ticks_what_is_right(chromium, loaded_sqlite: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    shutil.copy(loaded_sqlite, path)
    paper = tmp_path / "paper.html"
    paper.write_text(PAPER, encoding="utf-8")
    with serving_at(f"sqlite:///{path}") as address:
        person = Visitor(chromium, address)
        tab = person.open("/draft")
        tab.get_by_label("Paper").set_input_files(paper)
        tab.get_by_role("button", name="Draft").click()
        for label in ("title", "authors", "year", "structure", "absorber", "endurance"):
            tab.get_by_label(label, exact=True).check()
        tab.get_by_label("endurance, devices 1").fill("2000 cycles")
        tab.get_by_role("button", name="Preview").click()
        tab.get_by_text("Nothing was changed yet").wait_for()
        tab.get_by_role("button", name="Import what is ticked").click()
        tab.get_by_role("heading", name="Imported").wait_for()
        person.close()
    with Store(f"sqlite:///{path}").session(read_only=True) as session:
        (device,) = DEVICES.load(session, ["tester2024-d001"])
    assert device.endurance_cycles == 2000
