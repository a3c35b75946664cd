"""References in formats for citing, read back by the readers of others."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bibtexparser
import pytest
import rispy
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.literature import read_curated
from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.collections import REFERENCES
from pvkdb.store.database import Store
from pvkdb.store.files.bibliography import (
    author_year,
    page_note,
    reference_bibtex,
    reference_csl,
    reference_text,
    search_address,
)
from pvkdb.store.files.table_files import write_table

from ....each import for_each

SEEN = {row["key"]: row for row in read_curated("dois_seen") if row["doi_seen"]}
#: Pages on which papers were read, of those without a DOI seen.
PAGES = {r["key"]: r["doi_seen_at"] for r in read_curated("dois_seen") if not r["doi_seen"]}
#: What is no article in a journal, as the README of the curated files says, in three formats.
KINDS = {
    **dict.fromkeys(("r208", "r397"), ("book", "BOOK", "book")),
    "r398": ("incollection", "CHAP", "chapter"),
    "web-rubel2024": ("misc", "UNPB", "article"),
    **dict.fromkeys(
        ["r177", "r236", "r276", "r308", "r324", "r327", "web-kim2026", "web-memristors2026"],
        ("inproceedings", "CONF", "paper-conference"),
    ),
}
#: Of these, the title of the meeting is printed and none of the paper.
MEETINGS = [key for key, kind in KINDS.items() if kind[0] == "inproceedings" and key[0] == "r"]
#: What TeX writes for a sign, the other way round.
SIGNS = {
    r"\textbackslash{}": "\\",
    r"\textbraceleft{}": "{",
    r"\textbraceright{}": "}",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textdegree{}": "°",
    r"\ldots{}": "…",
    "$-$": "−",
    "``": "“",
    "''": "”",
    "--": "–",
    **{f"\\{sign}": sign for sign in "&%$#_"},
}


@pytest.fixture(scope="module")
def references(loaded_sqlite: Path) -> Iterator[list[ReferencesRow]]:
    store = Store(f"sqlite:///{loaded_sqlite}")
    with store.session(read_only=True) as session:
        yield [*REFERENCES.iterate(session, {})]
    store.close()


def written(rows: list[ReferencesRow], format: Any) -> str:
    return write_table("references", rows, format).decode()


def untexed(text: str) -> str:
    """A text of BibTeX as people read it: without TeX, sub- and superscripts on the line."""
    text = re.sub(r"\$[_^]{([^}]*)}\$", r"\1", text)
    text = re.sub(r"\$\\([a-z]+)\$", lambda found: greek(found[1]), text)
    pattern = "|".join(map(re.escape, sorted(SIGNS, key=len, reverse=True)))
    return re.sub(pattern, lambda found: SIGNS[found[0]], text)


def greek(name: str) -> str:
    return unicodedata.lookup(f"GREEK SMALL LETTER {name.replace('lambda', 'lamda')}")


def plain(text: str | None) -> str:
    return unicodedata.normalize("NFKC", text or "").replace("−", "-").replace("\N{HYPHEN}", "-")


def names(authors: str | None) -> list[str]:
    return [reordered(each) for each in (authors or "").split("; ") if each]


def reordered(name: str) -> str:
    """``Weber, D.`` as ``D. Weber``."""
    family, comma, given_ = name.partition(", ")
    return f"{given_} {family}" if comma else name.strip("{}")


def kind_of(row: ReferencesRow) -> tuple[str, str, str]:
    plain_kind = ("article", "JOUR", "article-journal") if row.journal else None
    return KINDS.get(row.key) or plain_kind or ("misc", "GEN", "document")


def address_of(row: ReferencesRow) -> str | None:
    doi = row.doi or row.doi_seen
    return doi and f"https://doi.org/{doi}"


def note_of(row: ReferencesRow) -> str | None:
    """Where the DOI was seen or the paper read; never an address to cite."""
    if row.doi_seen:
        return f"DOI seen at {row.doi_seen_at}"
    facts = {"authors": row.authors, "title": row.title, "journal": row.journal, "year": row.year}
    lacking = ", ".join(name for name, fact in facts.items() if not fact)
    untraced = f"source not traced ({lacking} not known); " if lacking else ""
    return f"{untraced}read at {PAGES[row.key]}" if row.key in PAGES else None


def test_bibtex_is_read_back_as_it_is(references: list[ReferencesRow]) -> None:
    entries = bibtexparser.loads(written(references, "bibtex")).entries
    assert [entry["ID"] for entry in entries] == [row.key for row in references]
    for entry, row in zip(entries, references, strict=True):
        assert entry["ENTRYTYPE"] == kind_of(row)[0]
        assert entry.get("url") == address_of(row)
        title = entry.get("title", "{}")
        assert (title[0], title[-1]) == ("{", "}")
        meeting = row.key in MEETINGS
        assert plain(untexed(entry["booktitle"] if meeting else title[1:-1])) == plain(row.title)
        authors = entry.get("author", "").replace(" and others", " and {et al.}")
        given_ = filter(None, authors.split(" and "))
        assert [untexed(reordered(each)) for each in given_] == names(row.authors)
        number = f"({entry['number']})" if "number" in entry else ""
        assert untexed(f"{entry.get('volume', '')}{number}") == (row.volume or "")
        assert untexed(entry.get("pages", "")) == (row.pages or "")
        within = {"article": "journal", "misc": "howpublished", "book": "publisher"}
        place = "publisher" if meeting else within.get(entry["ENTRYTYPE"], "booktitle")
        assert untexed(entry.get(place, "")) == (row.journal or "")
        assert entry.get("year") == (row.year and str(row.year))
        assert entry.get("doi") == (row.doi or row.doi_seen)
        assert untexed(entry.get("note", "")) == untexed_dashes(note_of(row))
        # What the fonts of TeX lack is written with commands; accents are not.
        assert all(ord(sign) < 0x180 for value in entry.values() for sign in value)


def test_ris_is_read_back_as_it_is(references: list[ReferencesRow]) -> None:
    entries = rispy.loads(written(references, "ris"))
    assert [entry["id"] for entry in entries] == [row.key for row in references]
    for entry, row in zip(entries, references, strict=True):
        assert entry["type_of_reference"] == kind_of(row)[1]
        assert entry.get("urls", [None]) == [address_of(row)]
        meeting = row.key in MEETINGS
        assert entry.get("secondary_title" if meeting else "title") == row.title
        assert [reordered(each) for each in entry.get("authors", ())] == names(row.authors)
        pages = [entry.get("start_page", ""), *filter(None, [entry.get("end_page")])]
        assert "–".join(pages) == (row.pages or "")
        assert entry.get("year") == (row.year and str(row.year))
        assert entry.get("doi") == (row.doi or row.doi_seen)
        assert entry.get("notes", [None]) == [note_of(row)]


def test_csl_says_the_same(references: list[ReferencesRow]) -> None:
    items = json.loads(written(references, "csl"))
    assert json.loads(written([], "csl")) == []
    for item, row in zip(items, references, strict=True):
        assert item["id"] == row.key
        assert item["type"] == kind_of(row)[2]
        assert item.get("URL") == address_of(row)
        assert item.get("issued") == (row.year and {"date-parts": [[row.year]]})
        authors = [
            each.get("literal") or f"{each['given']} {each['family']}"
            for each in item.get("author", ())
        ]
        assert authors == names(row.authors)
        assert item.get("DOI") == (row.doi or row.doi_seen)
    by_key = {item["id"]: item for item in items}
    assert (by_key["r385"]["volume"], by_key["r385"]["issue"]) == ("361", "6407")
    assert by_key["r172"]["author"][7] == {"literal": "Ankit"}


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1))
def test_no_sign_breaks_an_entry(text: str) -> None:
    row = ReferencesRow(key="a2020", title=f"x{text}x", authors=text, doi=f"10.1000/{text}")
    entries = bibtexparser.loads(f"{reference_bibtex(row)}\n\n@misc{{last,\n title = {{x}}\n}}")
    assert [entry["ID"] for entry in entries.entries] == ["a2020", "last"]
    assert untexed(entries.entries[0]["title"][1:-1]) == untexed_dashes(row.title)


def untexed_dashes(text: str | None) -> str:
    """Signs that mean others in TeX wherever they are written: dashes and quotes."""
    return re.sub("``|''|--", lambda found: SIGNS[found[0]], text or "")


def test_a_reference_with_little_known_is_written_too() -> None:
    row = ReferencesRow(key="doe2026")
    assert reference_bibtex(row) == "@misc{doe2026,\n\n}"
    assert reference_csl(row) == {"id": "doe2026", "type": "document"}
    assert rispy.loads(written([row], "ris"))[0]["id"] == "doe2026"
    assert search_address(row).endswith("?q=doe2026.&from_ui=yes")
    printed = ReferencesRow(key="a", doi="10.1/x", doi_seen="10.1/y", doi_seen_at="https://y.org")
    assert reference_csl(printed)["DOI"] == "10.1/x"


@for_each("key", SEEN)
def test_a_doi_seen_has_the_shape_of_one_and_belongs_to_a_reference_without(key: str) -> None:
    row = SEEN[key]
    assert re.fullmatch(r"10\.\d{4,9}/[-._;()/:a-z0-9]+", row["doi_seen"])
    assert re.fullmatch(r"https?://\S+", row["doi_seen_at"])
    printed = {each["key"]: each for each in read_curated("references")}
    assert printed[key]["title"]
    assert printed[key]["doi"] == ""


def test_a_doi_is_seen_for_one_reference_and_a_paper_without_has_a_page() -> None:
    """The page on which it was read."""
    assert len({row["doi_seen"] for row in SEEN.values()}) == len(SEEN) == 34
    papers = Path(__file__).parents[4] / "curation" / "open_pages" / "papers.csv"
    with papers.open(encoding="utf-8", newline="") as file:
        read_at = {
            row["in_review_ref"] or f"web-{row['key']}": row["address"]
            for row in csv.DictReader(file)
        }
    gaps = {key for key in PAGES if key.startswith("gap-")}
    assert gaps == {row["key"] for row in read_curated("references") if row["key"][:4] == "gap-"}
    assert {key: PAGES[key] for key in PAGES.keys() - gaps}.items() <= read_at.items()
    for row in read_curated("references"):
        if row["key"].startswith(("web-", "gap-")) and not (row["doi"] and row["title"]):
            assert row["key"] in PAGES


def test_a_paper_that_is_not_traced_says_so_and_cites_no_copy(
    references: list[ReferencesRow],
) -> None:
    by_key = {row.key: row for row in references}
    bismuth = by_key["web-bismuth"]
    assert reference_text(bismuth).endswith("data storage, source not traced.")
    note = page_note(bismuth) or ""
    assert note.startswith("source not traced (authors, journal, year not known); read at https:")
    assert "url" not in reference_bibtex(bismuth)
    assert reference_text(by_key["web-due"]) == "web-due, source not traced."
    assert "not traced" not in reference_text(by_key["web-zheng2022"])
    assert page_note(by_key["web-zheng2022"]).startswith("read at https://bohrium")  # type: ignore[union-attr]
    assert page_note(by_key["r1"]) is None
    assert author_year("web-hu", by_key["web-hu"].authors, None) == "Hu n.d."


def test_titles_keep_their_superscripts(references: list[ReferencesRow]) -> None:
    """Lost where the text of the review or a page was taken: 10⁹ had become 109."""
    titles = {row.key: row.title or "" for row in references}
    assert titles["r105"].endswith("ON/OFF ratios above 10⁹")
    assert "above 10$^{9}$" in reference_bibtex(references[104])
    assert "Pb 6s² lone pair" in titles["web-matsui2024"]
    lost = re.compile(r"(?<!\()\b10\d\b(?! ?°C)|\b10[-–−]\d|\b[1-7][spdf]\d\b")
    assert [key for key, title in titles.items() if lost.search(title)] == []
