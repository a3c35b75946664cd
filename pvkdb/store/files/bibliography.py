"""References as text, BibTeX, RIS and CSL-JSON. Unknown parts are left out.

A page on which a DOI was seen, or a copy that was read, is given as a note.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Literal
from urllib.parse import quote_plus

from pvkdb._version import __version__
from pvkdb.schemas.tables import ReferencesRow

BibliographyFormat = Literal["bibtex", "ris", "csl"]
#: Media type of each format.
BIBLIOGRAPHIES: dict[BibliographyFormat, str] = {
    "bibtex": "application/x-bibtex; charset=utf-8",
    "ris": "application/x-research-info-systems; charset=utf-8",
    "csl": "application/vnd.citationstyles.csl+json",
}
#: Ending of a file, where it is not the name of the format.
ENDINGS: dict[str, str] = {"bibtex": "bib", "csl": "json"}

#: Initials, or a name in brackets, before the family name.
_NAME = re.compile(r"((?:\S+\.|\(\S+\))(?: (?:\S+\.|\(\S+\)))*) (.+)")
#: References of the review with a meeting for a title and a publisher for a journal.
_MEETINGS = frozenset({"r177", "r236", "r276", "r308", "r324", "r327"})
#: Its books, with a publisher for a journal, and the chapter of one.
_BOOKS = {"r208": "book", "r397": "book", "r398": "chapter"}
#: By type in CSL: the type in BibTeX, the type in RIS, the name in BibTeX of what it is part of.
_TYPES = {
    "article": ("misc", "UNPB", "howpublished"),
    "article-journal": ("article", "JOUR", "journal"),
    "book": ("book", "BOOK", ""),
    "chapter": ("incollection", "CHAP", "booktitle"),
    "document": ("misc", "GEN", ""),
    "paper-conference": ("inproceedings", "CONF", "booktitle"),
}
_ISSUE = re.compile(r"(.+)\((.+)\)")
_GREEK = {chr(sign): unicodedata.name(chr(sign)).split()[-1].lower() for sign in range(945, 970)}
#: Signs with a meaning in TeX, and signs that its fonts lack.
_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        # BibTeX counts braces, also those behind a backslash.
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        **{sign: f"\\{sign}" for sign in "&%$#_"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "–": "--",
        "−": "$-$",
        "\N{HYPHEN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "…": r"\ldots{}",
        "°": r"\textdegree{}",
        "“": "``",
        "”": "''",
        **{sign: f"$\\{name.replace('lamda', 'lambda')}$" for sign, name in _GREEK.items()},
    }
)


def doi_address(doi: str) -> str:
    """Return the address of a DOI."""
    return f"https://doi.org/{doi}"


def search_address(reference: ReferencesRow) -> str:
    """Return the address of a search for a reference without a DOI, by its title."""
    words = unicodedata.normalize("NFKC", reference.title or reference_text(reference))
    return f"https://search.crossref.org/search/works?q={quote_plus(words)}&from_ui=yes"


def reference_text(reference: ReferencesRow) -> str:
    """Return a reference as one line of text."""
    authors = reference.authors and reference.authors.replace("; ", ", ")
    volume = reference.volume and f"vol. {reference.volume}"
    parts = (authors, reference.title, reference.journal, reference.year, volume, reference.pages)
    line = ", ".join(str(part) for part in parts if part)
    untraced = (page_note(reference) or "").startswith("source not traced")
    return f"{line or reference.key}{', source not traced' if untraced else ''}."


def page_note(reference: ReferencesRow) -> str | None:
    """Return where a DOI was seen or a paper read, and what of it is not known."""
    if reference.doi_seen or not reference.doi_seen_at:
        return reference.doi_seen_at and f"DOI seen at {reference.doi_seen_at}"
    lacking = [n for n in ["authors", "title", "journal", "year"] if not getattr(reference, n)]
    untraced = f"source not traced ({', '.join(lacking)} not known); " if lacking else ""
    return f"{untraced}read at {reference.doi_seen_at}"


def dataset_text(version: str) -> str:
    """Return a dataset version as one line of text."""
    return f"The pvkdb developers, pvkdb: halide-perovskite memristors, dataset {version}."


def dataset_bibtex(version: str) -> str:
    """Return a dataset version as BibTeX."""
    fields = {
        "author": "{The pvkdb developers}",
        "title": "pvkdb: halide-perovskite memristors",
        "version": tex(version),
        "note": tex(f"dataset {version}, read with pvkdb {__version__}"),
    }
    return _entry("misc", "pvkdb", fields)


def reference_bibtex(reference: ReferencesRow) -> str:
    """Return a reference as BibTeX; accents stay Unicode, which LaTeX has read since 2018."""
    facts = reference_csl(reference)
    kind, _, within = _TYPES[facts["type"]]
    fields = {
        "author": " and ".join(map(_bibtex_name, facts.get("author", ()))),
        # Doubled, so that styles do not write formulas in small letters.
        "title": "title" in facts and f"{{{tex(facts['title'])}}}",
        within: tex(facts.get("container-title", "")),
        "publisher": tex(facts.get("publisher", "")),
        "year": reference.year,
        "volume": tex(facts.get("volume", "")),
        "number": tex(facts.get("issue", "")),
        "pages": reference.pages and tex(reference.pages),
        "doi": _escaped(facts.get("DOI", "")),
        "url": _escaped(facts.get("URL", "")),
        "note": tex(facts.get("note", "")),
    }
    return _entry(kind, reference.key, {n: str(value) for n, value in fields.items() if value})


def _escaped(address: str) -> str:
    return re.sub(r"[{}\\]", lambda sign: f"%{ord(sign[0]):X}", address)


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}\n}}"


def reference_ris(reference: ReferencesRow) -> str:
    """Return a reference as RIS."""
    facts = reference_csl(reference)
    first, _, last = (reference.pages or "").partition("–")
    lines: list[tuple[str, Any]] = [
        ("TY", _TYPES[facts["type"]][1]),
        ("ID", reference.key),
        *(("AU", ", ".join(name.values())) for name in facts.get("author", ())),
        ("TI", facts.get("title")),
        ("JO" if facts["type"] == "article-journal" else "T2", facts.get("container-title")),
        ("PB", facts.get("publisher")),
        ("PY", reference.year),
        ("VL", facts.get("volume")),
        ("IS", facts.get("issue")),
        ("SP", first),
        ("EP", last),
        ("DO", facts.get("DOI")),
        ("UR", facts.get("URL")),
        ("N1", facts.get("note")),
    ]
    return "".join(f"{tag}  - {value}\n" for tag, value in lines if value) + "ER  - "


def reference_csl(reference: ReferencesRow) -> dict[str, Any]:
    """Return a reference as an item of CSL-JSON."""
    volume = reference.volume or ""
    parts: Sequence[str] = match.groups() if (match := _ISSUE.fullmatch(volume)) else (volume, "")
    doi = reference.doi or reference.doi_seen
    title, container, publisher = reference.title, reference.journal, None
    kind = _BOOKS.get(reference.key, "article-journal" if container else "document")
    if reference.key in _MEETINGS:
        kind, title, container, publisher = "paper-conference", None, title, container
    elif kind == "book":
        container, publisher = None, container
    elif (container or "").endswith("(conference)"):
        kind = "paper-conference"
    elif (container or "").startswith("arXiv:"):
        kind = "article"
    facts = {
        "id": reference.key,
        "type": kind,
        "author": [_name(each) for each in (reference.authors or "").split("; ") if each],
        "title": title,
        "container-title": container,
        "publisher": publisher,
        "issued": reference.year and {"date-parts": [[reference.year]]},
        "volume": parts[0],
        "issue": parts[1],
        "page": reference.pages and reference.pages.replace("–", "-"),
        "DOI": doi,
        "URL": doi and doi_address(doi),
        "note": page_note(reference),
    }
    return {name: fact for name, fact in facts.items() if fact}


def _name(author: str) -> dict[str, str]:
    """Return a name as CSL has it: family name before a comma, or behind the initials."""
    family, comma, given = author.partition(", ")
    if comma:
        return {"family": family, "given": given}
    match = _NAME.fullmatch(author)
    return {"family": match[2], "given": match[1]} if match else {"literal": author}


def author_year(key: str, authors: str | None, year: int | None) -> str:
    """Return a citation in words: first author's family name and year; without author the key.

    Example:
        >>> author_year("r105", "H. Kim; M.-J. Choi", 2020), author_year("web-due", None, None)
        ('Kim 2020', 'web-due')
    """
    if not authors:
        return key
    name = _name(authors.split("; ")[0])
    return f"{name.get('family') or name['literal']} {year or 'n.d.'}"


def _bibtex_name(name: dict[str, str]) -> str:
    if name == {"literal": "et al."}:
        return "others"
    parts = ", ".join(tex(part) for part in name.values())
    return f"{{{parts}}}" if "literal" in name else parts


def tex(text: str) -> str:
    """Return a text as TeX; sub- and superscripts of Unicode become those of formulas."""
    written = ""
    for kind, signs in groupby(text, lambda sign: unicodedata.decomposition(sign).split(" ")[0]):
        run = "".join(signs)
        if kind in ("<sub>", "<super>"):
            plain = unicodedata.normalize("NFKC", run).replace("−", "-")
            written += f"${'_' if kind == '<sub>' else '^'}{{{plain}}}$"
        else:
            written += run.translate(_TEX)
    return written
