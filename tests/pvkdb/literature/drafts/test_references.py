"""What a page prints of its paper is read from layouts, labels, records and citations alike."""

from __future__ import annotations

import pytest

from pvkdb.literature.drafts import people
from pvkdb.literature.drafts.references import reference_in

from ....each import for_each
from .test_documents import text_of

TITLE = "A memristor of lead iodide with ultralow voltages"


@for_each(
    ("page", "title", "authors", "year"),
    [
        # Names below a title
        (f"{TITLE}\nAnn Li\nDOI: 10.1/x\n2023-10-10", TITLE, "Ann Li", "2023"),
        (f"{TITLE}\nF. Cordero\n\nFindings", TITLE, "F. Cordero", ""),
        (f"{TITLE}\nAnn Li Department of Physics, X University", TITLE, "Ann Li", ""),
        (f"{TITLE}\nAnn Li a, Bo Wu a,b, C. Xu c,⇑\nX", TITLE, "Ann Li; Bo Wu; C. Xu", ""),
        (f"{TITLE}\nAnn Li,[a] Bo Wu,*[b] and\nC. Xu[a]", TITLE, "Ann Li; Bo Wu; C. Xu", ""),
        (f"{TITLE}\nAnn Li,a Bo Wu,b C. Xua\nX", TITLE, "Ann Li; Bo Wu; C. Xua", ""),
        (f"{TITLE}\n• Ann Li*†\n• Bo Wu (吴波)\n\nAbstract", TITLE, "Ann Li; Bo Wu", ""),
        (f"{TITLE}\nAnn\nLi\na,\nBo\nWu\n*ab\nabc", TITLE, "Ann Li; Bo Wu", ""),
        (f"{TITLE}\n作者\nLi, Ann [1 ]\nWu, Bo [1 ]\n机构", TITLE, "Ann Li; Bo Wu", ""),
        (f"{TITLE}\nАвтори: Ann Li, Bo Wu, 2020", TITLE, "Ann Li; Bo Wu", ""),
        (f"{TITLE}\nAutores principales: Li, Ann, Wu, Bo\n", TITLE, "Ann Li; Bo Wu", ""),
        (f"{TITLE}\n, B. Wu, C. Xu\nPages: 428", TITLE, "", ""),  # who is the first?
        (f"{TITLE} Ann Li,† Bo Wu,*,‡ and C. Xu† †", TITLE, "Ann Li; Bo Wu; C. Xu", ""),
        # Menus, site names, and titles that a line, a page or a note divides or repeats
        (f"Skip to Content\n• Article\n\n17 March 2026\n\n{TITLE}\nAbstract", TITLE, "", "2026"),
        (f"Next Article in Journal\nA paper of which the title is longer\n\n{TITLE}\n\nAbstract",
         TITLE, "", ""),
        (f"A memristor of lead iodide with\n\n{TITLE} Department of Physics", "", "", ""),
        (f"{TITLE} in\n\n\nfilms of iodides\nAnn Li and Bo Wu", f"{TITLE} in films of iodides",
         "Ann Li; Bo Wu", ""),
        (f"{TITLE} and Low\n\n\nCurrents in Thin Films of Iodides\nAnn Li and Bo Wu",
         f"{TITLE} and Low Currents in Thin Films of Iodides", "Ann Li; Bo Wu", ""),
        (f"{TITLE} - Nano Letters\n\n{TITLE}\n\nAbstract", TITLE, "", ""),
        # Records, whose blanks and ends pages lose
        (f"TY - JOUR\nT1 - {TITLE}\nAU - Li, Ann\nAU - Wu, Bo\nPY - 2023/10/1", TITLE,
         "Ann Li; Bo Wu", "2023"),
        (f"%0 Journal Article\n%A Li, A.\n%T {TITLE}\n%D 2009\n%R 10.1/x", TITLE, "A. Li", "2009"),
        (f"@article{{Li,\ntitle={{{TITLE}.}},\nauthor={{Ren{{\\'e}} Li and B. Wu}},\nyear={{2003}}",
         TITLE, "René Li; B. Wu", "2003"),
        (f'{{"title":"{TITLE}","authors":"Ann Li, , , Bo Wu*, ","doi":"10.1/x"', TITLE,
         "Ann Li; Bo Wu", ""),
        # Citations
        (f"It works.\nAPA\nLi, A. K., & Wu, B. (2018). {TITLE}. Nanoscale, 5(4).", TITLE,
         "A. K. Li; B. Wu", "2018"),
        (f"Li, Ann (2018) {TITLE}. Masters thesis, X.", TITLE, "Ann Li", "2018"),
        (f"Li A, Wu BC. {TITLE}. Nat Mater 2018;5:4", TITLE, "Li A; Wu BC", "2018"),
        ("It is fast.\nA.Li, B.Wu: Physical Review B, 1990, 42[7], 42", "", "A. Li; B. Wu", "1990"),
        (f"It is fast.\n{TITLE}. A.Li, B.Wu: Physica B, 1990, 42[7], 42", TITLE, "A. Li; B. Wu",
         "1990"),
        (f"{TITLE}\nA Li and B Wu, NANO LETTERS, 12, 88-90 (2012).", TITLE, "A Li; B Wu", "2012"),
        (f"% a record\n@ARTICLE{{Li:1,\nauthor = {{Li, Ann}},\ntitle = {{{TITLE}}},\n}}", TITLE,
         "Ann Li", ""),
        # Sentences
        (f"Dive into the research topics of '{TITLE}'. Together they form", TITLE, "", ""),
        (f"A press release on a new device\nThe paper “{TITLE}” published in X", TITLE, "", ""),
    ],
)  # fmt: skip
def test_pages_name_their_paper(page: str, title: str, authors: str, year: str) -> None:
    found = reference_in(page.split("\n"))
    assert [found.get(name, "") for name in ("title", "authors", "year")] == [title, authors, year]


def test_of_a_long_line_only_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(people, "is_name", lambda text: bool(read.append(text)) or True)
    people.people_in("Li A, " * 5000)
    assert sum(map(len, read)) <= people.LONGEST


@for_each(
    ("line", "year"),
    [
        ("Nanoscale 94 (2014) 98–102", "2014"),
        ("Issue 10, 2025", "2025"),
        ("2018, Acta Physica Sinica, № 15", "2018"),
        ("Materials Today, 2022, с. 100965", "2022"),
        ("Aug 2, 2016 - A film of iodide is shown to switch.", "2016"),
        ("Voltages are low. © 2015. The Society", "2015"),
        ("Fig. 1 is new. © 2015. With permission", ""),
        ("Received 17 March 2026", ""),
        ("1. A. Li, Nature 53, 1663 (1988). Google Scholar", ""),
    ],
)
def test_the_year_is_that_of_the_paper(line: str, year: str) -> None:
    assert reference_in([line]).get("year", "") == year


@for_each(
    "line",
    [
        "Sign In\nRegister Now\nAbout Us",
        "Tables list Magnetic Moment, Lattice Constant, and Tolerance Factor",
        "We measured Solar Cells, Light Emitting Diodes, and Field Effect Transistors",
        f"{TITLE}\nHLJ Province Key Laboratory of Films, X University",
        f"{TITLE}\nPhase Transition of Films\nabcd",
        f"{TITLE}\nSpringer Nature\nPublished: 12 May 2021",
    ],
)
def test_what_is_no_name_is_not_taken_for_one(line: str) -> None:
    assert "authors" not in reference_in(line.split("\n"))


@for_each(
    ("text", "doi"),
    [
        ("DOI: 10.1002/cssc.\n\n201600949 Full Papers", "10.1002/cssc.201600949"),
        ("doi: 10.3390/nano11.\n\nAbstract", "10.3390/nano11"),
        ('{"doi":"10.1021/acs.5c0","abstract":"<p >A film"}', "10.1021/acs.5c0"),
        ("It is fast.\n\nList of references\n\n1. DOI: 10.1021/other", None),
    ],
)
def test_a_divided_doi_is_whole_and_a_cited_one_not_taken(text: str, doi: str | None) -> None:
    assert text_of(text).reference.get("doi") == doi
