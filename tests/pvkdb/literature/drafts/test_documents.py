"""Papers become sentences with places; what cannot be read is refused with its reason."""

from __future__ import annotations

import io

import pytest

from pvkdb.errors import InputError
from pvkdb.literature.drafts import documents
from pvkdb.literature.drafts.documents import Sentence, read_document, readable
from pvkdb.store.curation.sources import Upload

from ....each import for_each
from .printed_pdf import pdf_of

PAPER = """\
Abstract

We report a memristor.

2.1. Retention. It lasts 10^4 s (Fig. 2). It was mea-
sured twice, at two temperatures, in a vac-

Fig. 2 The current at 0.1 V.

uum chamber at 300 K.

References

A. Author, 5 V.
"""


def text_of(content: str | bytes, name: str = "paper.txt") -> documents.Document:
    data = content.encode() if isinstance(content, str) else content
    return read_document(Upload(name, data))


def places(document: documents.Document) -> list[tuple[str, str]]:
    return [(sentence.place, sentence.text) for sentence in document.sentences]


def test_text_has_sections_and_captions_and_ends_at_the_references() -> None:
    assert places(text_of(PAPER)) == [
        ("Abstract", "Abstract"),
        ("Abstract", "We report a memristor."),
        ("Fig. 2 caption", "Fig. 2 The current at 0.1 V."),
        ("section 2.1", "2.1."),
        ("section 2.1", "Retention."),
        ("section 2.1", "It lasts 10⁴ s (Fig. 2)."),
        (
            "section 2.1",
            "It was measured twice, at two temperatures, in a vacuum chamber at 300 K.",
        ),
    ]


def test_a_quantity_at_the_beginning_of_a_line_is_no_heading() -> None:
    (sentence,) = text_of("2 V and 3 V were applied to the device.").sentences
    assert sentence.place == "beginning"


def test_html_has_its_reference_and_its_tables_but_no_scripts() -> None:
    page = """<!doctype html><html><head><meta name="citation_title" content="Ions">
    <meta name="citation_author" content="A. Li"><meta name="citation_author" content="B. Wu">
    <meta name="citation_publication_date" content="2024/05/01"><script>var x = "9 V";</script>
    </head><body><h2>2. Methods</h2><p>The ratio is 10<sup>6</sup> in CsPbBr<sub>3</sub>.</p>
    <table><caption>Table 1 Devices</caption><tr><th>Device</th><th>Retention (s)</th></tr>
    <tr><td>ITO/CsPbBr3/Ag</td><td>10<sup>4</sup></td></tr></table></body></html>"""
    document = text_of(page, "paper.html")
    assert document.reference == {"title": "Ions", "authors": "A. Li; B. Wu", "year": "2024"}
    assert ("section 2", "The ratio is 10⁶ in CsPbBr3.") in places(document)
    (table,) = document.tables
    assert table.place == "Table 1"
    assert table.rows == [["Device", "Retention (s)"], ["ITO/CsPbBr3/Ag", "10⁴"]]
    assert not any("9 V" in text for _, text in places(document))


@for_each("from_the_top", [False, True])
def test_a_pdf_has_pages_and_its_small_raised_digits_are_superscripts(from_the_top: bool) -> None:
    first = ["Abstract", "The on/off ratio is 10^{6} and the endu-", "rance is 2 x 10^{3} cycles."]
    second = ["2.1 Retention", "It exceeds 10^{4} s. It was 103 s before."]
    assert text_of(pdf_of(first, second, from_the_top=from_the_top), "paper.pdf").sentences == [
        Sentence(
            "Abstract The on/off ratio is 10⁶ and the endurance is 2 x 10³ cycles.",
            "Abstract",
            1,
            1,
        ),
        Sentence("2.1 Retention It exceeds 10⁴ s.", "section 2.1", 2, 2),
        Sentence("It was 103 s before.", "section 2.1", 2, 2),
    ]


@for_each(
    ("printed", "plain"),
    [
        (r"$1.9\times10^{-9}$", "1.9×10⁻⁹"),
        (r"\sim 1.2 \text{ V } \mu\text{m}^{-1}", "~1.2 V μm⁻¹"),
        (r"$> 1 \mu\text{m}^2$", "> 1 μm²"),
        (r"$V_{\text{SET}}$ of $\text{Cs}_2\text{SnI}_6$", "V_SET of Cs2SnI6"),
        ("*via* CsPbBr₃ at 25 ^{°}C", "via CsPbBr3 at 25 °C"),
    ],
)
def test_latex_and_markdown_become_plain(printed: str, plain: str) -> None:
    assert readable(printed) == plain


def encrypted() -> bytes:
    import pypdf

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of(["Endurance of 500 cycles."])))
    writer.encrypt("secret", algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


@for_each(
    ("content", "reason"),
    [
        (b"  \n", "is empty"),
        (bytes(range(256)) * 20, "neither PDF, HTML nor UTF-8 text"),
        (b"%PDF-1.4\nnothing", "is a damaged PDF"),
        (pdf_of([""]), "pictures of pages without text"),
        (pdf_of(["x"])[:-60], "is a damaged PDF|pictures"),
        (pdf_of(["x"]).replace(b"/Length", b"/Filter /Odd /Length"), "is a damaged PDF"),
        (b"<html></html>", "is not an HTML page|contains no text"),
    ],
)
def test_what_is_no_paper_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=f"paper.txt.*{reason}"):
        text_of(content)


def test_an_encrypted_pdf_is_refused() -> None:
    with pytest.raises(InputError, match="encrypted; save it without its password"):
        text_of(encrypted())


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PAGES", 1)
    with pytest.raises(InputError, match="2 pages; at most 1"):
        text_of(pdf_of(["a"], ["b"]))
    monkeypatch.setattr(documents, "MAX_CHARACTERS", 100)
    with pytest.raises(InputError, match="more than 100 characters"):
        text_of("word " * 50)
    monkeypatch.setattr(documents, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="take its text"):
        text_of("word " * 50)


def test_a_line_that_begins_like_a_heading_is_none() -> None:
    text = "Abstract\n\nFirst.\n\nResults were good.\n\nmethods Two.\n\nMethods\n\nSecond."
    assert [place for place, _ in places(text_of(text))] == [
        "Abstract",
        "Abstract",
        "Abstract",
        "Abstract",
        "Methods",
        "Methods",
    ]


def test_a_heading_ends_a_paragraph_that_has_no_full_stop() -> None:
    words = "a sentence of many words that goes on and on until the page ends without any full stop"
    found = places(text_of(f"1. Introduction. It is {words}\n\n2. Results. The voltage is 5 V."))
    assert ("section 2", "The voltage is 5 V.") in found


def test_ligatures_of_a_pdf_become_letters() -> None:
    assert readable("on/oﬀ ratio of a ﬁlm, eﬃcient") == "on/off ratio of a film, efficient"


def test_html_without_paragraphs_is_read_and_control_characters_are_not() -> None:
    page = "<html><body>A retention &#8;of&#x2028; 5\uffff s.</body></html>"
    assert [text for _, text in places(text_of(page))] == ["A retention of 5 s."]
