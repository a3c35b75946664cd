"""What a paper prints of itself, where no tags name it: its title, authors and year."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Lines at the beginning and at the end of a paper that may name it.
_FIRST, _LAST = 80, 40
_BEGIN = re.compile(r"\W*(?:abstract|summary|introduction)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[a-z\d)][.!?]\s+[A-Z]")
_PROSE = re.compile(
    r"\b(?:is|are|was|were|be|been|we|have|has|had|this|these|our)\b", re.IGNORECASE
)
_NOT_A_TITLE = re.compile(
    r"https?:|www\.|@|\bdoi\b|universit|institut|laborator|department|school of|licen[cs]e|"
    r"creative commons|open access|received|accepted|published|publication|journal|copyright|©|"
    r"correspond|keywords|citation|\bpp\.|(?:19|20)\d\d.*\d|[|:;]$",
    re.IGNORECASE,
)
_NAMES_FIRST = re.compile(r"^(?P<names>.+?), [\"“](?P<title>[^\"”]{30,300}?),?[\"”]")
_LABEL = re.compile(r"^.*?(?:authored by|\bauthors?\b\W*:)\W*|^\W*by\b\W*", re.IGNORECASE)
_TITLED = re.compile(r"^\W*(?:title|from)\s*:\s*", re.IGNORECASE)
#: Marks of affiliations behind a name: "1,2", "*a", "†".
_MARKS = re.compile(
    r"\s?[*†‡§✉#]+\s?[a-h]{0,3}(?![A-Za-z])|\s?\d+(?:\s?,\s?\d+)*|\s[a-h]{1,3}(?=\s*(?:,|and\b|$))"
)
_PARTICLES = frozenset({*("de", "der", "den", "van", "von", "da", "di", "la", "le", "el", "al")})
#: Where a year is that of the paper, the surest first.
_YEARS = [
    re.compile(pattern.replace("YEAR", "((?:19|20)[0-9]{2})"), re.IGNORECASE)
    for pattern in (
        r"\bYEAR [a-z]{3}(?: \d{1,2})?;\s?\d",  # 2021 Sep 3;7(36)
        r"\(YEAR\)\s?\d+:|\d+ \(YEAR\) [A-Z]?\d{3}",  # (2021)12:4460, 116 (2020) 113787
        r"\b[a-z]+\.?\)?,? YEAR, ?(?:\d|$)|\bvol\. ?\w+,.*, YEAR\.",  # Micromachines 2023, 14
        r"(?:published|publication date|posted|©)\D{0,40}(?:\d{1,2}\D{1,16})?YEAR",
        r"(?<!\d)YEAR-\d\d-\d\d(?!\d)",
        r"\] \d{1,2} [a-z]{3} YEAR$",  # of arXiv
        r"^\W*YEAR(?: [a-z]{3} \d{1,2})?\W*$",
    )
]


#: Words that no name of a person has.
_FIELD = re.compile(
    r"perovskit|memrist|memor|devic|synap|switch|halid|resist|neuro|comput|film|crystal|energ|"
    r"organic|material|computing|storage|learning|vision",
    re.IGNORECASE,
)


def reference_in(lines: Sequence[str]) -> dict[str, str]:
    """Return the title, the authors (separated by semicolons) and the year that lines print.

    What the lines do not tell for certain is left out.
    """
    found: dict[str, str] = {}
    margins = [line for line in [*lines[:_FIRST], *lines[-_LAST:]] if not _is_prose(line)]
    for pattern in _YEARS:
        matches = [match for line in margins for match in pattern.finditer(line)]
        if matches:
            found["year"] = next(filter(None, matches[-1].groups()))
            break
    block: list[str] = []
    titles: list[str] = []
    names: list[str] = []
    for line in [*lines[:_FIRST], ""]:
        ends = bool(_BEGIN.match(line))
        cited = _NAMES_FIRST.match(line)
        names = [] if ends else _names(cited["names"] if cited else line)
        if (
            ends
            or names
            or _is_prose(line)
            or not re.search(r"[A-Za-z]", line)
            or _NOT_A_TITLE.search(line)
        ):
            titles += filter(_is_title, [_TITLED.sub("", " ".join(block)).strip("#*† ")])
            block = []
        else:
            block.append(line)
        if names:
            found["authors"] = "; ".join(names)
            titles = [cited["title"]] if cited else titles[-1:]
        if names or ends or _is_prose(line):
            break
    sure = [title for title in titles if ends or names or not title.endswith(".")]
    return found | ({"title": sure[0].removesuffix(".")} if sure else {})


def _is_prose(line: str) -> bool:
    sentences = bool(_SENTENCE_END.search(line)) + bool(_PROSE.search(line))
    return (len(line) > 300 or (sentences and len(line) > 120)) and not _names(line)


def _is_title(text: str) -> bool:
    """Whether lines can be a title: some words, no sentence, and not in capitals."""
    small = sum(letter.islower() for letter in text)
    return (
        30 <= len(text) <= 300
        and len(text.split()) > 3
        and 2 * small > len(text)
        and not _PROSE.search(text)
    )


def _names(line: str) -> list[str]:
    """Return the names of a list of people; none if the line is something else."""
    label = _LABEL.match(line)
    text = _MARKS.sub("", line[label.end() :] if label else line).strip("* ")
    parts = [part for part in re.split(r"\s*(?:,|;|&|\band\b)\s*", text) if part]
    names = [part for part in parts if _is_name(part)]
    few = 1 if label or _MARKS.search(line) else 2
    return names if len(names) >= few and len(names) >= 0.7 * len(parts) else []


def _is_name(text: str) -> bool:
    words = text.split()
    return (
        1 < len(words) < 6
        and not _FIELD.search(text)
        and not _NOT_A_TITLE.search(text.strip("."))
        and all(word in _PARTICLES or (word[0].isupper() and word.isprintable()) for word in words)
        and all(letter.isalpha() or letter in "-.'’ " for letter in text)
        and not any(len(word) > 3 and word.endswith(".") for word in words)  # "Mater. Adv."
    )
