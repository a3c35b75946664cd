"""Drafts of papers: nothing is lost, who decides sees what others did, and two persons confirm."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.errors import AccessError, InputError, NotFoundError, StateError
from pvkdb.literature import desk
from pvkdb.literature.drafts.proposals import proposals_of
from pvkdb.literature.importing import ImportRefusedError
from pvkdb.schemas.imports import (
    DecideRequest,
    DeskDraft,
    DraftsRequest,
    EnterRequest,
    ImportReport,
    ReviewRequest,
)
from pvkdb.store.collections import DEVICES, ENERGETICS
from pvkdb.store.curation.dataset import review
from pvkdb.store.curation.sources import Upload
from pvkdb.store.database import Store
from pvkdb.store.security.audit import entries
from pvkdb.store.security.keys import create_key
from pvkdb.suitability.evidence.devices import device_candidates

from ...each import for_each
from .drafts.printed_pdf import pdf_of

PAPER = """<html><head><meta name="citation_title" content="A memristor of caesium lead bromide">
<meta name="citation_doi" content="10.1000/desk"><meta name="citation_author" content="A. Tester">
<meta name="citation_publication_date" content="2024"></head><body>
<p>The ITO/CsPbBr3/Ag device has an on/off ratio of 10<sup>6</sup>.</p>
<p>Its endurance is 103 cycles. {more}</p>
<p>The activation energy of V<sub>Br</sub> in CsPbBr3 is 0.3 eV by DFT.</p></body></html>"""


def bring(store: Store, more: str = "", by: str = "Ada") -> DeskDraft:
    found = proposals_of(Upload("paper.html", PAPER.format(more=more).encode()))
    return desk.add_draft(found.model_copy(update={"by": by}), store.session)


def decide(
    store: Store, draft: DeskDraft, action: str, *cells: str, by: str = "Ada", **more: Any
) -> DeskDraft:
    asked = {"draft": draft.id, "revision": draft.revision, "action": action, "by": by, **more}
    return desk.decide(DecideRequest(cells=[*cells], **asked), store.session)


def enter(store: Store, draft: DeskDraft, by: str = "Ada") -> ImportReport:
    asked = EnterRequest(draft=draft.id, revision=draft.revision, by=by)
    return desk.enter(asked, store.session)


def read(store: Store, number: int) -> DeskDraft:
    (found,) = desk.drafts(DraftsRequest(draft=number), lambda: store.session(read_only=True))
    return found


def proposed(draft: DeskDraft, row: str = "") -> list[str]:
    cells = [cell for each in draft.rows or () for cell in each.cells if each.key.startswith(row)]
    return [cell.cell for cell in cells if cell.value]


def read_as_one_device(store: Store, draft: DeskDraft) -> DeskDraft:
    draft = decide(store, draft, "accept", *proposed(draft))
    draft = decide(store, draft, "correct", "devices-2.endurance", value="1000 cycles")
    return decide(store, draft, "correct", "devices-2.same_as", value="devices-1")


def test_each_proposal_has_its_place_in_the_text(empty_store: Store) -> None:
    draft = bring(empty_store, more="Pulses of 1 to 3 V are needed.")
    cells = {cell.cell: cell for row in draft.rows or () for cell in row.cells}
    assert [(x.field, x.value, x.cell) for x in draft.further or ()] == [
        ("v_pulse_v", "1 to 3 V", "")
    ]
    said = {name: (draft.text or "")[cells[name].start : cells[name].end] for name in cells}
    assert said["devices-1.structure"] == "ITO/CsPbBr3/Ag"
    assert said["devices-2.endurance"] == cells["devices-2.endurance"].printed == "103 cycles"
    assert cells["devices-2.endurance"].doubt.startswith("is it 10^3?")
    assert said["energetics-1.value"] == "0.3 eV"
    assert said["energetics-1.quantity"] == cells["energetics-1.value"].sentence


def test_two_persons_bring_a_paper_into_the_rankings(empty_store: Store) -> None:
    draft = read_as_one_device(empty_store, bring(empty_store))
    report = enter(empty_store, draft)
    assert [change.id for change in report.changes][1:] == ["tester2024-e001", "tester2024-d001"]
    with empty_store.session(read_only=True) as session:
        (device,) = DEVICES.load(session, ["tester2024-d001"])
        assert [each.unreviewed for each in device_candidates(session)] == [True]
    assert (device.on_off_ratio, device.endurance_cycles) == (1e6, 1000)
    assert device.as_printed == "on_off_ratio 10⁶; endurance 1000 cycles"
    entered = read(empty_store, draft.id)
    assert (entered.state, entered.entered_by) == ("entered", "Ada")
    assert entered.waiting == [report.dataset_version]
    with empty_store.session() as session:
        create_key(session, "Bob", ["import"])
    for by, error, words in (("ada ", AccessError, "another person"), ("Bob", None, "")):
        asked = ReviewRequest(version=report.dataset_version, by=by)
        if error:
            with pytest.raises(error, match=words):
                review(asked, empty_store.session)
        else:
            assert review(asked, empty_store.session) == []
    confirmed = read(empty_store, draft.id)
    assert (confirmed.state, confirmed.confirmed_by) == ("confirmed", "Bob")
    with empty_store.session(read_only=True) as session:
        assert [each.unreviewed for each in device_candidates(session)] == [False]
        actions = [each.action for each in entries(session, 50)]
    counted = ["draft paper", "decide draft", "import papers", "review import"]
    assert [actions.count(each) for each in counted] == [1, 3, 1, 1]


def test_who_decided_a_field_does_not_confirm_it(empty_store: Store) -> None:
    draft = read_as_one_device(empty_store, bring(empty_store))
    draft = decide(empty_store, draft, "correct", "energetics-1.value", value="0.3 eV", by="Bob")
    version = enter(empty_store, draft).dataset_version
    with pytest.raises(AccessError, match="Bob has decided fields of"):
        review(ReviewRequest(version=version, by="bob"), empty_store.session)
    assert review(ReviewRequest(version=version, by="Cem"), empty_store.session) == []


def test_a_correction_after_the_entry_takes_the_place_of_its_row(empty_store: Store) -> None:
    draft = read_as_one_device(empty_store, bring(empty_store))
    enter(empty_store, draft)
    draft = read(empty_store, draft.id)
    with pytest.raises(StateError, match="nothing new to enter"):
        enter(empty_store, draft)
    draft = decide(empty_store, draft, "correct", "energetics-1.value", value="0.31 eV", by="Bob")
    (_, change) = enter(empty_store, draft, "Bob").changes
    assert (change.action, change.supersedes) == ("supersede", "tester2024-e001")
    with empty_store.session(read_only=True) as session:
        (energy,) = ENERGETICS.load(session, [change.id])
    assert energy.value_min_ev == 0.31
    draft = read(empty_store, draft.id)
    assert (draft.state, len(draft.waiting)) == ("entered", 2)
    draft = decide(empty_store, draft, "reject", *proposed(draft, "energetics"))
    with pytest.raises(StateError, match="is in the store as tester2024-e002; correct it"):
        enter(empty_store, draft)


def test_a_paper_keeps_its_draft_and_what_was_rejected_in_it(empty_store: Store) -> None:
    draft = bring(empty_store)
    decide(empty_store, draft, "reject", *proposed(draft, "energetics"), "devices-1.absorber")
    again = bring(empty_store, by="Bob")
    assert (again.id, again.revision, again.created_by) == (draft.id, 1, "Ada")
    other = bring(empty_store, more="It is flexible.")  # another file of the paper, by its DOI
    assert other.id != draft.id
    assert {*proposed(draft)} - {*proposed(other)} == {
        *proposed(draft, "energetics"),
        "devices-1.absorber",
    }


def test_a_draft_that_has_changed_refuses_and_names_what_changed(empty_store: Store) -> None:
    draft = bring(empty_store)

    def vote(by: str) -> DeskDraft | desk.DraftChangedError:
        try:
            return decide(empty_store, draft, "accept", "devices-1.structure", by=by)
        except desk.DraftChangedError as error:
            return error

    with ThreadPoolExecutor(2) as threads:
        found = sorted(threads.map(vote, ("Ada", "Bob")), key=lambda each: type(each).__name__)
    kept, refused = found
    assert isinstance(kept, DeskDraft)
    assert isinstance(refused, desk.DraftChangedError)
    (by,) = (cell.by for row in kept.rows or () for cell in row.cells if cell.by)
    assert [(each.column, each.reason) for each in refused.problems] == [
        ("devices-1.structure", f"{by} accepted it")
    ]
    assert "revision 0, now 1" in str(refused)
    assert read(empty_store, draft.id).revision == 1


@for_each(
    ("action", "cells", "value", "words"),
    [
        ("accept", ["devices-9x.structure"], None, "row of this draft 'devices-9x'"),
        ("correct", ["devices-1.endurence"], "5", "did you mean 'endurance'"),
        ("correct", ["devices-1.structure"], None, "write what devices-1.structure should say"),
        ("accept", ["devices-2.structure"], None, "nothing is proposed for devices-2.structure"),
        ("accept", ["devices-1.structure", "devices-1.absorber"], "x", "is for one field"),
        ("correct", ["devices-1.same_as"], "energetics-1", "other row for devices-1"),
    ],
)
def test_what_fits_no_field_is_refused(
    empty_store: Store, action: str, cells: list[str], value: str | None, words: str
) -> None:
    draft = bring(empty_store)
    with pytest.raises(InputError, match=words):
        decide(empty_store, draft, action, *cells, value=value)
    assert read(empty_store, draft.id).revision == 0


def test_what_cannot_be_entered_changes_nothing(empty_store: Store) -> None:
    draft = bring(empty_store)
    with pytest.raises(StateError, match=r"proposals wait for a decision: reference\.doi"):
        enter(empty_store, draft)
    draft = decide(empty_store, draft, "accept", *proposed(draft))
    draft = decide(empty_store, draft, "correct", "devices-3.structure", value="ITO/MAPbI3/Au")
    with pytest.raises(ImportRefusedError) as refused:
        enter(empty_store, draft)
    places = {(each.file, each.line, each.column) for each in refused.value.problems}
    assert {("devices-2", None, "structure"), ("devices-3", None, "source")} <= places
    assert read(empty_store, draft.id).revision == draft.revision
    with pytest.raises(NotFoundError, match="no draft '7'"):
        read(empty_store, 7)
    draft = decide(empty_store, draft, "correct", "devices-2.same_as", value="devices-1")
    draft = decide(empty_store, draft, "correct", "devices-1.endurance", value="9 cycles")
    with pytest.raises(StateError, match=r"both have endurance: .* reject one"):
        enter(empty_store, draft)


def test_commands_bring_decide_and_list(migrated_sqlite: Path, tmp_path: Path) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "store.sqlite")
    pdf = tmp_path / "paper.pdf"
    pdf.write_bytes(pdf_of(["The ITO/CsPbI3/Ag device has an endurance of 10^{3} cycles."]))

    def run(*words: str) -> str:
        database = ["--database", f"sqlite:///{tmp_path / 'store.sqlite'}"]
        outcome = CliRunner().invoke(app, [*words, *database])
        return outcome.stdout if outcome.exception is None else str(outcome.exception)

    assert "3 undecided" in run("add-draft", "--pdf", str(pdf), "--name", "a.pdf", "--by", "Ada")
    assert "nobody is named" in run(
        "decide", "1", "reject", "devices-1.absorber", "--revision", "0"
    )
    decided = run(
        *("decide", "1", "correct", "devices-1.endurance", "--value", "9 cycles"),
        *("--revision", "0", "--by", "Ada"),
    )
    assert "1  to read, 2 undecided, revision 1  a.pdf" in decided
    assert "devices-1.endurance  correct: 9 cycles" in run("drafts", "1")
    assert "2 proposals wait" in run("enter", "1", "--revision", "1", "--by", "Ada")
