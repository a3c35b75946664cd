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


@for_each(
    ("text", "expected"),
    [
        # A quantity at the beginning of a line is no heading, nor are words of a sentence.
        ("2 V and 3 V were applied to the device.", ["beginning"]),
        (
            "Abstract\n\nFirst.\n\nResults were good.\n\nmethods Two.\n\nMethods\n\nSecond.",
            ["Abstract"] * 4 + ["Methods"] * 2,
        ),
        # A sentence ends behind a unit, and a paragraph without a full stop at a heading.
        ("The voltage is 0.3 V. The film of A. Li is thin.", ["beginning"] * 2),
        (
            "1. Introduction. It is a sentence of many words that goes on until the page ends\n\n"
            "2. Results. The voltage is 5 V.",
            ["section 1"] * 3 + ["section 2"] * 3,
        ),
    ],
)
def test_sentences_have_the_section_of_their_heading(text: str, expected: list[str]) -> None:
    assert [place for place, _ in places(text_of(text))] == expected


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
    # A page without paragraphs is read, and control characters are not.
    page = "<html><body>A retention &#8;of&#x2028; 5\uffff s.</body></html>"
    assert [text for _, text in places(text_of(page))] == ["A retention of 5 s."]


JATS = """<?xml version="1.0"?><!DOCTYPE article SYSTEM "jats.dtd"><article><front><journal-meta>
<journal-title>J. Ions</journal-title></journal-meta><article-meta><article-id pub-id-type="doi">
10.1000/x</article-id><article-title>On CsPbBr<sub>3</sub></article-title>
<contrib contrib-type="author"><name><surname>Li</surname><given-names>Ada</given-names></name>
</contrib><pub-date><year>2024</year></pub-date><abstract><p>A ratio of 10<sup>6</sup>.</p>
</abstract></article-meta></front><body><sec><title>2. Results</title><p>It is 5 V.</p><table-wrap>
<label>Table 1</label><caption><p>Devices</p></caption><table><tr><th>Device</th><th>N</th></tr>
<tr><td>A</td><td>10</td></tr></table></table-wrap></sec></body><back><ref-list><ref>9 V</ref>
</ref-list></back></article>"""


def test_jats_has_its_reference_its_captions_and_tables_but_no_cited_papers() -> None:
    document = text_of(JATS, "paper.xml")
    printed = "; ".join(f"{name} {text}" for name, text in sorted(document.reference.items()))
    assert printed == (
        "authors Ada Li; doi 10.1000/x; journal J. Ions; title On CsPbBr3; year 2024"
    )
    assert ("beginning", "A ratio of 10⁶.") in places(document)
    assert ("section 2", "It is 5 V.") in places(document)
    assert [(table.place, table.rows) for table in document.tables] == [
        ("Table 1", [["Device", "N"], ["A", "10"]])
    ]
    assert "9 V" not in document.text
    with pytest.raises(InputError, match=r"a\.xml (is damaged XML|contains no text)"):
        text_of("<?xml version='1.0'?><article", "a.xml")


@for_each(
    ("text", "title", "authors", "year"),
    [
        (
            "ARTICLE\nhttps://doi.org/10.1/x\nA memristor of lead iodide with ultralow\nvoltages\n"
            "Ann Li1,5, Bo de Wit2 & C. Wu 1 ✉\nFilms are 5 nm thick\nNat. Commun. | (2021)12:4460",
            *(
                "A memristor of lead iodide with ultralow voltages",
                "Ann Li; Bo de Wit; C. Wu",
                "2021",
            ),
        ),
        (
            "A memristor of lead iodide: what moves?\n\nAuthors: Ann Li, Bo Wu\n"
            "Publication date: 2017/8/29\n\nAbstract\nIt is new.",
            *("A memristor of lead iodide: what moves?", "Ann Li; Bo Wu", "2017"),
        ),
        (
            "Mater. Adv., 2025,\n6, 617-628\nA memristor of lead iodide that is seen by light†\n"
            "Received 26th August 2024\nFirst published on 9th December 2024\nAbstract\nIt is new.",
            *("", "", "2025"),  # the line has a verb, so that it may be a sentence
        ),
        ("We made a memristor of CsPbI3. Its on/off ratio is 10^5.", "", "", ""),
    ],
)
def test_title_authors_and_year_are_read(text: str, title: str, authors: str, year: str) -> None:
    found = text_of(text).reference
    assert [found.get(name, "") for name in ("title", "authors", "year")] == [title, authors, year]


@for_each("from_the_top", [False, True])
def test_a_pdf_has_pages_and_its_small_raised_digits_are_superscripts(from_the_top: bool) -> None:
    first = ["Abstract", "The ratio is 10^{6} and the endu-", "rance is 2 x 10^{3} cycles."]
    second = ["2.1 Retention", "It exceeds 10^{4} s. It was 103 s before."]
    assert text_of(pdf_of(first, second, from_the_top=from_the_top), "paper.pdf").sentences == [
        Sentence(
            "Abstract The ratio is 10⁶ and the endurance is 2 x 10³ cycles.", "Abstract", 1, 1
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
        ("on/oﬀ ratio of a ﬁlm, eﬃcient", "on/off ratio of a film, efficient"),
    ],
)
def test_latex_markdown_and_ligatures_become_plain(printed: str, plain: str) -> None:
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
        (encrypted(), "encrypted; save it without its password"),
    ],
)
def test_what_is_no_paper_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=f"paper.txt.*{reason}"):
        text_of(content)


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
