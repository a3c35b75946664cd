"""The desk: a paper beside its proposals, decided with plain forms or keys, by two persons."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from pvkdb.literature.drafts.proposals import Proposals
from pvkdb.schemas.imports import DeskRow
from pvkdb.store.collections import DEVICES
from pvkdb.store.database import Store
from pvkdb.store.security.audit import entries
from pvkdb_api.explorer.pages import draft

from ....pvkdb.literature.drafts.printed_pdf import pdf_of
from ...guarded import key_for
from ..browsing import Browser, alert_in
from ..conftest import Visitor, serving_at

PAPER = """<html><head><meta name="citation_title" content="A memristor of caesium lead bromide">
<meta name="citation_author" content="A. Tester"><meta name="citation_publication_date"
content="2024"></head><body><p>The ITO/CsPbBr3/Ag device (R&amp;D) has an endurance of 103 cycles.
The film is 300 nm thick.</p></body></html>"""
PDF = pdf_of(
    ["Abstract", "The ITO/CsPbBr3/Ag device has an on/off ratio of 10^{6}."],
    ["2 Endurance", "Its endurance is 5000 cycles, and its retention exceeds 10^{4} s."],
)


def upload(browser: Browser, content: bytes, name: str = "paper.html") -> Any:
    return browser.submit("/draft", {}, files={"paper": (name, content)})


def address_of(browser: Browser, more: str = "") -> str:
    answer = upload(browser, PAPER.replace("thick.", f"thick. {more}").encode())
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def send(browser: Browser, address: str, revision: int, action: str, **fields: str) -> Any:
    return browser.submit(address, {"action": action, "revision": str(revision), **fields})


def test_the_desk_needs_a_key_for_imports(browser: Browser, guarded_store: Store) -> None:
    assert "requires a key with the scope <code>import</code>" in browser.open("/draft")
    browser.open("/draft/1", 401)
    assert upload(browser, PAPER.encode()).status_code == 401
    assert send(browser, "/draft/1", 0, "enter").status_code == 401
    browser.sign_in(key_for(guarded_store, "queue"))
    browser.open("/draft/1", 403)
    assert upload(browser, PAPER.encode()).status_code == 403


def test_a_draft_shows_each_value_in_its_sentence(importer: Browser) -> None:
    address = address_of(importer)
    shown = importer.open(address)
    assert "device (R&amp;D) has an endurance of <mark>103 cycles</mark>." in shown
    assert 'id="v-devices-1.endurance" name="value" value="10^3 cycles"' in shown
    assert "Doubt: is it 10^3?" in shown
    assert "<b>7</b> proposals wait for a decision" in shown.replace("&#34;", '"')
    assert f'<a href="{address}">A memristor of caesium lead bromide</a>' in importer.open("/draft")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"%PDF-1.4 broken", "damaged PDF"), (b" \n ", "is empty")],
)
def test_what_is_no_paper_is_refused(importer: Browser, content: bytes, reason: str) -> None:
    answer = upload(importer, content)
    assert answer.status_code == 422
    assert reason in alert_in(answer.text)


def test_a_paper_is_read_before_a_session_opens(importer: Browser, monkeypatch: Any) -> None:
    turns = importer.app.state.served.write_turns
    free = []
    reference = DeskRow(key="reference", table="references", cells=[])
    found = Proposals(name="p", text="t", rows=[reference], further=[])
    monkeypatch.setattr(draft, "in_budget", lambda *_, **__: free.append(turns._value) or found)
    assert upload(importer, b"text").status_code == 303
    assert free == [turns._value]


def test_plain_forms_decide_and_enter_and_another_key_confirms(
    importer: Browser, guarded_store: Store
) -> None:
    address = address_of(importer, "It is flexible.")
    assert send(importer, address, 0, "accept", rest="reference").status_code == 303
    corrected = send(
        importer, address, 1, "accept", cell="devices-1.endurance", value="2000 cycles"
    )
    assert corrected.headers["location"] == f"{address}#devices-1.endurance"
    assert send(importer, address, 2, "accept", rest="devices-1").status_code == 303
    first = send(importer, address, 1, "reject", cell="devices-1.thickness")
    assert first.status_code == 409
    assert "devices-1.endurance: key" in alert_in(first.text)
    send(importer, address, 3, "correct", table="devices", value="ITO/MAPbI3/Au")
    importer.open("/draft/99999999999999999999", 422)
    importer.open("/draft/99999", 404)
    wrong = send(importer, address, 4, "enter")
    assert wrong.status_code == 422
    assert re.search(r"devices-2, source\s*: is empty", alert_in(wrong.text))
    assert 'data-revision="4"' in wrong.text  # of the draft as it is kept: the next decision counts
    assert re.search(r'"ITO/MAPbI3/Au".*?>added<', wrong.text, re.DOTALL)
    send(importer, address, 4, "reopen", cell="devices-2.structure")
    done = send(importer, address, 5, "enter")
    assert done.status_code == 200
    assert "tester2024-d001" in done.text
    with guarded_store.session(read_only=True) as session:
        assert entries(session, limit=1)[0].action == "import papers"
        assert "(Ada)" in entries(session, limit=1)[0].caller
    (version,) = re.findall(r'name="version" value="([^"]+)"', done.text)
    form = {"version": version, "draft": address.rpartition("/")[2]}
    importer.sign_in(key_for(guarded_store, "import", name="ada "))  # another key of hers
    key_for(guarded_store, "import", name="Bob")
    own = importer.submit("/draft/review", form)
    assert (own.status_code, "another person confirms it" in alert_in(own.text)) == (422, True)
    importer.sign_in(key_for(guarded_store, "import", name="Bob"))
    assert "it counts in rankings" in importer.submit("/draft/review", form).text
    assert "(Bob)" in importer.open("/draft")


def test_a_paper_that_the_store_has_is_named_with_its_rows(importer: Browser) -> None:
    doi = '<meta name="citation_doi" content="10.1000/twice">'
    paper = PAPER.replace("<head>", f"<head>{doi}").replace("A. Tester", "A. Twice")
    paper = paper.replace("A memristor", "Another memristor").replace("300 nm", "350 nm")
    first = upload(importer, paper.encode()).headers["location"]
    other = upload(importer, paper.replace("thick", "thin").encode()).headers["location"]
    assert first != other
    for revision, row in enumerate(("reference", "devices-1")):
        send(importer, first, revision, "accept", rest=row)
    assert "twice2024-d001" in send(importer, first, 2, "enter").text
    named = "rows of this paper from elsewhere: twice2024-d001"
    assert named in importer.open(other)
    assert named not in importer.open(first)


def test_a_pdf_is_ranked_by_keys_alone(chromium: Any, loaded_sqlite: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    shutil.copy(loaded_sqlite, path)
    (tmp_path / "paper.pdf").write_bytes(PDF)
    store = Store(f"sqlite:///{path}")
    keys = [key_for(store, "import", name=name) for name in ("Ada", "Bob")]

    def sign_in(person: Visitor, key: str) -> Any:
        tab = person.open("/key?next=/draft")
        tab.get_by_label("Key", exact=True).fill(key)
        tab.keyboard.press("Enter")
        tab.get_by_role("heading", name="Desk").wait_for()
        return tab

    with serving_at(f"sqlite:///{path}", local_writes=False) as address:
        ada = Visitor(chromium, address)
        tab = sign_in(ada, keys[0])
        tab.get_by_label("Paper").set_input_files(tmp_path / "paper.pdf")
        tab.get_by_role("button", name="Bring to the desk").press("Enter")
        status = tab.locator("#said")
        tab.locator("form.cell:focus").wait_for()  # the first proposal
        tab.locator("mark", has_text="10⁶").wait_for()
        for _ in range(3):  # structure, absorber and ratio
            tab.keyboard.press("a")
        status.get_by_text("3 proposals wait").wait_for()
        held: list[Any] = []
        tab.route("**/draft/*", lambda route: held.append(route))
        tab.keyboard.press("a")  # the absorber of the second row
        tab.keyboard.press("c")
        while not held:
            tab.wait_for_timeout(20)
        held[0].continue_()  # the answer comes between two keys
        tab.unroute("**/draft/*")
        status.get_by_text("2 proposals wait").wait_for()
        tab.keyboard.type("6000 cycles")
        tab.keyboard.press("Enter")
        status.get_by_text("1 proposal waits").wait_for()
        tab.keyboard.press("r")
        status.get_by_text("All proposals are decided").wait_for()
        tab.keyboard.press("s")
        tab.locator("[id='devices-2.same_as'] .tag").wait_for()
        for name, value in (("authors", "C. Other"), ("title", "A PDF"), ("year", "2026")):
            tab.locator(f"[id='v-reference.{name}']").focus()
            tab.keyboard.type(value)
            tab.keyboard.press("Enter")
            tab.locator(f"[id='reference.{name}'] .tag").wait_for()
        tab.reload()  # nothing is lost
        assert tab.locator("[id='v-devices-2.endurance']").input_value() == "6000 cycles"
        assert tab.locator(".cell .tag", has_text="rejected").count() == 1
        tab.locator("[id='v-devices-1.structure']").fill("ITO/CsPbBr3/Au")
        tab.get_by_role("button", name="Enter into the store").press("Enter")
        status.get_by_text("“ITO/CsPbBr3/Au” is typed, but not kept").wait_for()
        tab.keyboard.press("Escape")
        tab.keyboard.press("e")
        tab.keyboard.press("Enter")
        tab.get_by_role("heading", name="Imported").wait_for()
        assert tab.locator(".answer .tag").inner_text() == "entered"
        ada.close()
        bob = Visitor(chromium, address)
        tab = sign_in(bob, keys[1])
        tab.get_by_role("link", name="A PDF").press("Enter")
        tab.get_by_role("button", name="Confirm").press("Enter")
        tab.locator(".answer .tag", has_text="confirmed").wait_for()
        ranking = bob.open("/applications/non-volatile-memory?samples=50&top=200")
        assert ranking.locator("#other2026-d001").count() == 1
        bob.close()
    with store.session(read_only=True) as session:
        (device,) = DEVICES.load(session, ["other2026-d001"])
    store.close()
    assert (device.structure, device.endurance_cycles) == ("ITO/CsPbBr3/Ag", 6000)
    assert device.source == "Abstract, page 1; section 2, page 2"
