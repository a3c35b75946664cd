"""What a paper prints of itself, where no tags name it: its title, authors and year."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from pvkdb.literature.drafts.words import words

#: Lines at the beginning and at the end of a paper that may name it.
_FIRST, _LAST = 80, 40
_BEGIN = re.compile(r"\W*(?:abstract|summary|introduction)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[a-z\d)][.!?]\s+[A-Z]")
_NAMES_FIRST = re.compile(r"^(?P<names>.+?), [\"“](?P<title>[^\"”]{30,300}?),?[\"”]")
_LABEL = re.compile(r"^.*?(?:authored by|\bauthors?\b\W*:)\W*|^\W*by\b\W*", re.IGNORECASE)
_TITLED = re.compile(r"^\W*(?:title|from)\s*:\s*", re.IGNORECASE)
#: Marks of affiliations behind a name: "1,2", "*a", "†".
_MARKS = re.compile(
    r"\s?[*†‡§✉#]+\s?[a-h]{0,3}(?![A-Za-z])|\s?\d+(?:\s?,\s?\d+)*|\s[a-h]{1,3}(?=\s*(?:,|and\b|$))"
)
_PARTICLES = frozenset({*("de", "der", "den", "van", "von", "da", "di", "la", "le", "el", "al")})


@cache
def _has(what: str) -> re.Pattern[str]:
    return re.compile(words()["front"][what], re.IGNORECASE)


@cache
def _years() -> list[re.Pattern[str]]:
    year = "((?:19|20)[0-9]{2})"
    return [re.compile(one.replace("YEAR", year), re.I) for one in words()["front"]["years"]]


def reference_in(lines: Sequence[str]) -> dict[str, str]:
    """Return the title, the authors (separated by semicolons) and the year that lines print.

    What the lines do not tell for certain is left out.
    """
    found: dict[str, str] = {}
    margins = [line for line in [*lines[:_FIRST], *lines[-_LAST:]] if not _is_prose(line)]
    for pattern in _years():
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
            or _has("no_title").search(line)
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
    sentences = bool(_SENTENCE_END.search(line)) + bool(_has("prose").search(line))
    return (len(line) > 300 or (sentences > 0 and len(line) > 120)) and not _names(line)


def _is_title(text: str) -> bool:
    """Whether lines can be a title: some words, no sentence, and not in capitals."""
    small = sum(letter.islower() for letter in text)
    return (
        30 <= len(text) <= 300
        and len(text.split()) > 3
        and 2 * small > len(text)
        and not _has("prose").search(text)
    )


def _names(line: str) -> list[str]:
    """Return the names of a list of people; none if the line is something else."""
    label = _LABEL.match(line)
    text = _MARKS.sub("", line[label.end() :] if label else line).strip("* ")
    if ";" in text:  # "Wang, Yan; Tong, Yi"
        text = ", ".join(" ".join(part.split(", ")[::-1]) for part in re.split(r"\s*;\s*", text))
    parts = [part for part in re.split(r"\s*(?:,|&|\band\b)\s*", text) if part]
    names = [part for part in parts if _is_name(part)]
    few = 1 if label or _MARKS.search(line) else 2
    return names if len(names) >= few and len(names) >= 0.7 * len(parts) else []


def _is_name(text: str) -> bool:
    words = text.split()
    return (
        1 < len(words) < 6
        and not _has("no_name").search(text)
        and not _has("no_title").search(text.strip("."))
        and all(word in _PARTICLES or (word[0].isupper() and word.isprintable()) for word in words)
        and all(letter.isalpha() or letter in "-.'’ " for letter in text)
        and not any(len(word) > 3 and word.endswith(".") for word in words)  # "Mater. Adv."
    )
