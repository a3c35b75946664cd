"""The report of a measurement on one page: words, pictures and whatever parts it has."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from html.parser import HTMLParser

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.measurements import Report, Request, measure, tables
from pvkdb.measurements.reports.page import plots, report_file, report_page, thinned
from pvkdb.store.curation.sources import Upload

pytest.importorskip("matplotlib")


def words(page: str) -> str:
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_data = found.append  # type: ignore[method-assign]
    parser.feed(page)
    return " ".join(" ".join(found).split())


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return report_file(report, "html").decode()


def test_a_page_has_metrics_places_definitions_and_what_is_unknown(page: str) -> None:
    said = words(page)
    assert re.search(r"V_SET [\d.]+ V [\d.]+ to [\d.]+ 8 × 1 .*sweep\.csv line \d+ to", said)
    assert "on/off" in said
    assert "middle of the largest step of |I/V|" in said
    assert "thickness of the layer: give it with --thickness-nm" in said
    assert "read voltage: give it" not in said
    assert re.search(r"sweep\.csv, SHA-256 [0-9a-f]{64}", said)


def test_a_page_loads_nothing_and_is_the_same_again(report: Report, page: str) -> None:
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert report_file(report, "html").decode() == page
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert base64.b64decode(picture).startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_pdf_has_the_same_words_and_the_picture(report: Report, page: str) -> None:
    pypdf = pytest.importorskip("pypdf")
    content = report_file(report, "pdf")
    assert report_file(report, "pdf") == content
    sheets = pypdf.PdfReader(io.BytesIO(content)).pages
    assert len(sheets) <= 2  # in two columns
    squeezed = "".join("".join(sheet.extract_text() for sheet in sheets).split())
    assert "Placeinthefiles" in squeezed
    assert "middleofthelargeststep" in squeezed
    assert sheets[0]["/Resources"]["/XObject"]


def test_json_is_the_document(report: Report) -> None:
    assert json.loads(report_file(report, "json"))["kind"] == "iv"
    with pytest.raises(InputError, match="choose one of html, pdf, json"):
        report_file(report, "docx")


def test_further_parts_of_a_report_become_sections(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes = [{"sign": "area", "answer": "interfacial", "strength": None}]
    steps = [
        {"question": "where", "answer": "undecided", "votes": []},
        {"question": "which ion", "answer": "ECM", "votes": votes},
    ]
    laws = [{"law": "Schottky <b>", "weight": 0.75, "vetoes": ["slope", "permittivity"]}]
    document = {**report.document(), "switching_steps": steps, "laws": laws}
    monkeypatch.setattr(Report, "document", lambda _: document)
    said = words(report_page(report))
    assert "Switching steps Question Answer where undecided which ion ECM" in said
    assert "Which ion, ECM: votes Sign Answer Strength area interfacial –" in said
    assert "Laws Law Weight Vetoes Schottky <b> 0.75 slope, permittivity" in said


def test_a_picture_of_many_points_keeps_the_outline() -> None:
    x = np.arange(1_000_000.0)
    y = np.sin(x / 1e5)
    y[123_456] = 9
    few, ends = thinned(x, y, 2000)
    assert len(few) <= 2000
    assert ends.max() == 9
    assert (np.diff(few) > 0).all()


@pytest.mark.parametrize(
    ("file", "titles"),
    [
        ("1,9e4,5e3,8e4,5e3\n2,7e4,4e3,9e4,6e3\n3,7e4,4e3,9e4,6e3\n4,7e4,4e3,9e4,6e3\n", 2),
        ("t (s),I (A)\n" + "".join(f"{n},{1 / n}\n" for n in range(1, 30)), 1),
        ("pulse,G (S)\n" + "".join(f"{n},{1 - 0.9**n}\n" for n in range(1, 30)), 1),
        ("Interval (s),Response\n" + "".join(f"{n},{1 + 1 / n}\n" for n in range(1, 30)), 1),
        ("state,G (S),after\n" + "".join(f"{n % 4},{n % 4 + 1}e-6,1e-6\n" for n in range(40)), 1),
        ("t (s),V (V),I (A)\n" + "".join(f"{n},{n > 9:d},{n > 9:d}e-6\n" for n in range(20)), 2),
    ],
    ids=["endurance", "retention", "pulses", "ppf", "states", "transient"],
)
def test_every_kind_is_drawn(file: str, titles: int) -> None:
    report = measure([Upload("a.csv", file.encode())])
    drawn = plots(report)
    assert len(drawn) == titles
    assert all(all(plot) or plot[3] == "" for plot in drawn)
    assert report_page(report).count("data:image/png") == titles


def test_no_picture_carries_every_point() -> None:
    rows = "".join(f"{n / 50_000:.5f},1e-3\n" for n in range(50_000))
    report = measure([Upload("a.csv", f"V (V),I (A)\n{rows}".encode())], Request(kind="iv"))
    assert len(report_page(report)) < 100_000


def test_a_workbook_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MOST_UNPACKED", 1_000_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<row/>" * 500_000)
    with pytest.raises(InputError, match="it unpacks to 3 MB; export the sheets as CSV"):
        measure([Upload("bomb.xlsx", packed.getvalue())])
