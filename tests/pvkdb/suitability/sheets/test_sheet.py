"""Decision sheets: every value with its grade and source, in three kinds of files."""

from __future__ import annotations

import html
import io
import re

import pytest
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.schemas.rankings import DecisionSheet, Grade, RankingFilters
from pvkdb.store.curation.dataset import current_version
from pvkdb.suitability import Options, rank, rank_candidates, shipped_profile
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.explanations import fails_text, requirement_text, value_text
from pvkdb.suitability.sheets.sheet import decision_sheet, doubts_of, sheet_file

from ....curated import PROFILES


@pytest.fixture(scope="module")
def sheet(literature: Session) -> DecisionSheet:
    options = Options(samples=200)
    return decision_sheet(literature, rank(literature, "selector", options=options, models=()))


def texts(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_a_page_has_every_value_with_grade_and_reference(sheet: DecisionSheet) -> None:
    page = sheet_file(sheet, "html").decode()
    said = texts(page)
    assert len(sheet.ranking.candidates) == 10
    for entry in sheet.ranking.candidates:
        assert entry.id in said
        for each in entry.criteria:
            if each.grade is not Grade.MISSING:
                assert value_text(each, each.unit) in said
                assert each.grade.value in said
    for criterion in sheet.ranking.criteria:
        assert criterion.weight == 0 or criterion.source in said
    for place, criterion in enumerate(sheet.ranking.criteria):  # every verdict has its bounds
        if {entry.criteria[place].grade for entry in sheet.ranking.candidates} != {Grade.MISSING}:
            wanted = requirement_text(criterion, criterion.bounds)
            assert wanted.removeprefix("the profile requires ") in said
            assert fails_text(criterion.bounds, criterion.unit) in said
    assert "An unknown value counts as the lower end" in said
    assert "stack not reported" in said
    assert "Judged by retention, volatility, on/off ratio and endurance alone." in said
    assert page.partition("</h1>")[2].lstrip().startswith(f"<p><strong>{html.escape(sheet.answer)}")
    sentences = re.findall(r"<p[^>]*>(.*?)</p>", page)
    assert len(sentences) == len(set(sentences))
    assert said.count("Measure ") == len({each.metric for each in sheet.open_values})
    linked = set(re.findall(r'href="#([^"]+)"', page))
    assert linked
    assert linked == set(re.findall(r'<p id="([^"]+)"', page)) == set(sheet.references)


def test_a_sheet_tells_errata_and_what_was_not_judged(sheet: DecisionSheet) -> None:
    said = texts(sheet_file(sheet, "html").decode())
    errata = {e.erratum for entry in sheet.ranking.candidates for e in entry.criteria if e.erratum}
    assert errata
    for part in {part for text in errata for part in doubts_of(text)}:
        assert said.count(" ".join(part[1:].split())) == 1  # once, whoever has it
    assert said.count("; erratum") + said.count("; errata") >= len(errata)
    threshold = "a threshold below which the cell stays in its high-resistance state"
    assert sheet.not_judged[0] == f"{threshold}: no number (section 5.2)"
    for need in sheet.not_judged:
        assert need in said


def test_addresses_are_whole_and_conditions_beside_their_values(literature: Session) -> None:
    options = Options(samples=20, filters=RankingFilters(lead_free=True))
    made = decision_sheet(literature, rank(literature, "selector", options=options, models=()))
    page = sheet_file(made, "html").decode()
    said = texts(page)
    assert made.pages["web-lv2021"] == ["https://www.pubmed.gov/34064022/"]
    for addresses in made.pages.values():
        for address in addresses:
            assert f'">{html.escape(address)}</a>' in page
    assert "at least 2400 s: failed, 0 measured; Lv 2021" in said
    assert "; condition: under light illumination; errat" in said
    assert "hybrid with liquid-exfoliated MoS2 nanosheets" in said
    assert "(inferred from “threshold switching devices (TSDs)”)" in said


def test_candidates_that_share_the_first_place_are_counted(literature: Session) -> None:
    ranking = rank(literature, "synaptic-training", options=Options(samples=50), models=())
    made = decision_sheet(literature, ranking)
    first, second = (each.id for each in ranking.candidates[:2])
    assert f"({first}) and " in made.answer
    shared = "share the place, their scores being equal to two digits, with the score"
    assert f"({second}) {shared} 0.59 (0.59 to 0.9" in made.answer
    said = texts(sheet_file(made, "html").decode())
    assert "at least 5000 cycles: not demonstrated, 0.36 (2 of 6)" in said
    assert made.open_values[0].metric == "retention_s"


def test_computed_sources_and_weaker_values_have_addresses(literature: Session) -> None:
    weak = Evidence(1.11, 1.11, grade=Grade.DFT, source="section 2.4", references=("r141",))
    computed = "calculation 34ad7b25071e"
    evidence = {
        "e_a_ev": Evidence(0.91, 0.91, source="section 2.4", references=("r40",), beside=(weak,)),
        "dfe_ev": Evidence(0.2, 0.9, grade=Grade.CALIBRATED, source=computed),
    }
    candidate = Candidate("Cs2SnI6", "Cs2SnI6", "material", evidence, "Cs2SnI6")
    found = rank_candidates(shipped_profile("selector"), "materials", [candidate])
    made = decision_sheet(literature, found, "http://host")
    page = sheet_file(made, "html").decode()
    assert set(made.references) == {"r40", "r141"}
    assert made.addresses == {computed: "http://host/jobs/34ad7b25071e"}
    assert '<a href="http://host/jobs/34ad7b25071e">' in page
    assert '<a href="https://doi.org/10.1126/sciadv.aav0693">' in page  # of a requirement
    assert f"not counted: 1.11 eV, DFT; {made.names['r141']} ; section 2.4" in texts(page)
    assert "lead free: no evidence on any of these compositions" in made.not_judged


def test_a_page_loads_nothing_but_says_what_to_cite(
    sheet: DecisionSheet, literature: Session
) -> None:
    page = sheet_file(sheet, "html").decode()
    assert not re.search(r"<script|<link|<img|\ssrc=|@import|url\(", page)
    assert current_version(literature) in texts(page)
    assert f"Seed {sheet.ranking.seed}" in page
    assert "Tables, figures and sections that it names are those of: N. Yantara" in texts(page)
    assert sheet_file(sheet, "html").decode() == page


def test_a_sheet_as_json_is_the_whole_sheet(sheet: DecisionSheet) -> None:
    assert DecisionSheet.model_validate_json(sheet_file(sheet, "json")) == sheet
    with pytest.raises(InputError, match="choose one of html, pdf, json"):
        sheet_file(sheet, "docx")
    assert sheet.total > 10
    assert sheet.open_values
    assert all(each.gain > 0 for each in sheet.open_values)


def test_markup_in_a_name_is_text(sheet: DecisionSheet) -> None:
    first = sheet.ranking.candidates[0].model_copy(update={"label": "<b>&x"})
    changed = sheet.ranking.model_copy(update={"candidates": [first]})
    named = sheet.model_copy(update={"ranking": changed})
    assert "&lt;b&gt;&amp;x" in sheet_file(named, "html").decode()


def test_a_pdf_has_the_same_words_on_few_pages(sheet: DecisionSheet) -> None:
    pytest.importorskip("matplotlib")
    pypdf = pytest.importorskip("pypdf")
    content = sheet_file(sheet, "pdf")
    assert sheet_file(sheet, "pdf") == content
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    assert len(pages) <= 2
    linked = {note.get_object()["/A"]["/URI"] for page in pages for note in page.get("/Annots", ())}
    assert linked >= {address for each in sheet.pages.values() for address in each}
    assert "/Annots" in pages[0]  # values lead to their sources
    squeezed = "".join("".join(page.extract_text() for page in pages).split())
    for entry in sheet.ranking.candidates:
        assert "".join(entry.id.split()) in squeezed
    assert "".join(sheet.cite.split()) in squeezed


def test_a_store_without_candidates_has_a_sheet(literature: Session) -> None:
    empty = rank_candidates(shipped_profile("selector"), "devices", [])
    sheet = decision_sheet(literature, empty)
    assert "No device is ranked." in texts(sheet_file(sheet, "html").decode())


def test_filters_and_what_they_set_aside_stand_on_a_sheet(literature: Session) -> None:
    filters = RankingFilters(lead_free=True, halide=("Br", "I"))
    options = Options(samples=20, filters=filters)
    ranking = rank(literature, "selector", "materials", options, models=())
    said = texts(sheet_file(decision_sheet(literature, ranking), "html").decode())
    assert "lead free yes, halide Br, I" in said
    assert ranking.set_aside
    for each in ranking.set_aside:
        assert f"{each.count:,}" in said
        assert each.reason in said
    if ranking.not_rankable:
        assert f"with weight: {len(ranking.not_rankable)}" in said


@pytest.mark.slow
@pytest.mark.parametrize("subject", ["devices", "materials"])
@pytest.mark.parametrize("application", PROFILES)
def test_every_application_has_a_sheet(literature: Session, application: str, subject) -> None:
    ranking = rank(literature, application, subject, Options(samples=100))
    sheet = decision_sheet(literature, ranking)
    files = {ending: sheet_file(sheet, ending) for ending in ("html", "pdf", "json")}
    assert all(len(each) > 3000 for each in files.values())
    assert files["pdf"].count(b"/Type /Page ") <= 2
