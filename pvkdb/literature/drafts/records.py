"""What a page prints of a paper as a record: RIS, EndNote, MEDLINE, BibTeX, JSON or a citation.

Pages print such records cut and with other blanks than their formats want, so that they are read
by their tags alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from pvkdb.literature.drafts.people import INITIALS, LONGEST, is_latin, people_in

_TAGGED = re.compile(r"(?:%(?P<sign>[A-Z])|(?P<tag>[A-Z][A-Z0-9]{1,3})\s{1,2}-) (?P<text>.+)")
_TAGS = {
    tag: name
    for name, tags in {
        "title": "title TI T1 T",
        "authors": "author authors FAU AU A1 A",
        "year": "PY Y1 DP D",
        "doi": "doi DO R",
    }.items()
    for tag in tags.split()
}
#: Fields of BibTeX and of JSON: title={…}, "authors":"…".
_ENTRY = re.compile(r"@[a-z]{4,15}\s*\{|\{\s*\"", re.IGNORECASE)
_FIELD = re.compile(
    r"(?<![\w-])\"?(title|authors?|doi)\"?\s*[=:]\s*[{\"]+(.{3,2000}?)(?<![}\"])[}\"]++\s*+(?=,\s|,\"|\}|$)"
)
_ACCENTS = {"'": "\u0301", "`": "\u0300", '"': "\u0308", "^": "\u0302", "~": "\u0303"}
_ACCENT = re.compile(r"\{?\\(['`\"^~])\s?\{?([A-Za-z])\}{0,2}")
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_FAMILY = r"[^\W\d_][^\W\d_’'-]*(?:[ ’'-][^\W\d_]+){0,2}"
#: "Ott, A. K., Dou, C. (2018). Title. Journal", "Ott AK, Dou C. Title. Journal 2018", "Title. A. K.
#: Ott, C. Dou: Journal, 2018", "A. K. Ott, C. Dou, Journal, 55, 1108 (2018)", 'A. Ott, "Title"'.
_CITATIONS = [
    re.compile(
        rf"(?P<names>[^()\d]{{5,600}}?\.?) \({_YEAR}[^()]{{0,12}}\)\.? (?P<title>[^.]{{20,300}})\."
    ),
    re.compile(
        rf"(?P<names>(?>{_FAMILY},? {INITIALS}(?:[,;:] ?(?:and |& )?|(?<=\.) ?|\. )){{1,40}}"
        r"(?:et al\.? )?)"
        rf"(?P<title>[A-Z][^.]{{20,300}})\. [A-Z].{{2,60}}?\b{_YEAR}\b"
    ),
    re.compile(
        r"(?:(?P<title>[A-Z][^.:]{20,300})\. )?"
        rf"(?P<names>[^:()]{{8,400}}): [A-Z][A-Za-z. ]{{4,60}},? {_YEAR},"
    ),
    re.compile(
        r"(?P<names>[^:()\d]{8,400}?), [A-Z][A-Za-z.& ]{4,60},? \d{1,4}, [\d–-]{1,12} "
        rf"\({_YEAR}\)"
    ),
    re.compile(rf"(?P<names>.+?), (?:{_YEAR}\. )?[\"“](?P<title>[^\"”]{{30,300}}?),?[\"”]"),
]


def with_accents(text: str) -> str:
    r"""Return a text whose accents of LaTeX are letters: ``Ren{\'e}`` becomes ``René``."""
    return _ACCENT.sub(lambda sign: unicodedata.normalize("NFC", sign[2] + _ACCENTS[sign[1]]), text)


def record_in(lines: Sequence[str]) -> dict[str, str]:
    """Return the fields of the one record that lines have, as far as they are certain."""
    for fields in (_tagged(lines), _entry(lines)):
        found: dict[str, list[str]] = {}
        for name, text in fields:
            found.setdefault(name, []).append(text.strip("{} "))
        found["title"] = [one.rstrip(".") for one in found.get("title", ()) if is_latin(one)]
        people = [name for text in found.pop("authors", ()) for name in _people(text)]
        record = {name: texts[0] for name, texts in found.items() if len(set(texts)) == 1}
        if record.keys() & {"title", "doi"}:
            record |= {"authors": "; ".join(people)} if people else {}
            year = re.search(_YEAR, record.pop("year", ""))
            return record | (year.groupdict() if year else {})
    return {}


def _people(text: str) -> list[str]:
    """Return the names of a field, each of which may be "Surname, Given"."""
    return people_in(text, 1) or people_in(f"{text.replace(' and ', '; ')};", 1)


def _tagged(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the fields of RIS, EndNote and MEDLINE, if there are some."""
    tagged = [match for line in lines if (match := _TAGGED.match(line))]
    for match in tagged if len(tagged) > 3 else ():
        if name := _TAGS.get(match["sign"] or match["tag"]):
            yield name, match["text"]


def _entry(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the fields of an entry of BibTeX or of an object of JSON."""
    begin = next((place for place, line in enumerate(lines) if _ENTRY.match(line)), len(lines))
    for field in _FIELD.finditer(" ".join(lines[begin : begin + 30])):
        yield _TAGS[field[1]], re.sub(r"[{}]", "", field[2])


def citation_in(line: str) -> dict[str, str]:
    """Return authors, title and year of a line that cites a paper; nothing of any other line."""
    for pattern in _CITATIONS:
        cited = pattern.match(line[:LONGEST])
        if cited and (names := _people(cited["names"])):
            found = {name: text for name, text in cited.groupdict().items() if text}
            return found | {"authors": "; ".join(names)}
    return {}
