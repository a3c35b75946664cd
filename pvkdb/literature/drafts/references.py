"""What a paper prints of itself, where no tags name it: its title, authors and year."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise, takewhile

from pvkdb.literature.drafts.people import (
    affiliation,
    behind_title,
    has,
    is_latin,
    one_person,
    people_in,
    without_label,
)
from pvkdb.literature.drafts.records import citation_in, record_in, with_accents
from pvkdb.literature.drafts.words import words

#: Lines at the beginning and at the end of a paper that may name it.
_FIRST, _LAST = 80, 40
_BEGIN = re.compile(r"\W*(?i:abstract|summary|introduction)\b(?!\s+[a-z])")
_SENTENCE_END = re.compile(r"[a-z\d)][.!?]\s+[A-Z][a-z]*\s+[a-z]")
_OPEN_END = re.compile(r"(?:\b(?:by|of|and|the|with|for|in|on|an?|to|via|from|using)|\.\.\.?|…)$")
#: Every long word begins with a capital.
_CAPITALS = re.compile(r"^(?!.*(?<!\S)[a-z]\w{4})(?=.*[A-Z]\w+ [A-Z]\w+)")
#: The first line of a citation whose title is in the next one.
_DATED = re.compile(r", (?:19|20)\d\d\.$")
_CITE = re.compile(r"\W*(?:how to )?(?:cite|citation|apa|mla|vancouver|harvard)\b", re.IGNORECASE)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"


@cache
def _dates(of: str) -> list[re.Pattern[str]]:
    year = "((?:19|20)[0-9]{2})"
    return [
        re.compile(one.replace("YEAR", year).replace("MONTH", _MONTH), re.I)
        for one in words()["front"][of]
    ]


def reference_in(lines: Sequence[str]) -> dict[str, str]:
    """Return the title, the authors (separated by semicolons), the year and a DOI that lines have.

    What the lines do not tell for certain is left out.
    """
    lines = [with_accents(line) for line in lines]
    ends = [*lines[:_FIRST], *lines[-_LAST:]] if len(lines) > _FIRST else [*lines]
    found = _year(ends) | _layout(lines[:_FIRST])
    found |= _quoted(ends, found) | record_in(ends)
    title = found.get("title", "")
    plain = re.split(r" [-–|] ", title)[0]
    if any(line.startswith(plain) and not line.startswith(title) for line in ends):
        found["title"] = title = plain  # the head of the page adds its journal
    for line in ends:  # the head of the page cuts the title
        whole = affiliation().split(line)[0]
        if whole != line and re.fullmatch(rf"{re.escape(title)} [^,]+", whole) and title:
            found["title"] = whole.strip()
    return found


def _year(lines: Sequence[str]) -> dict[str, str]:
    """Return the year of a paper, of the surest kind that lines have."""
    margins = [line for line in lines if not _is_prose(line)]
    edges = [part for line in lines for part in (line[:60], line[-80:])]
    for pattern, texts in [
        *((one, margins) for one in _dates("years")),
        *((one, edges) for one in _dates("edges")),
    ]:
        matches = [match for line in texts for match in pattern.finditer(line)]
        if matches:
            return {"year": next(filter(None, matches[-1].groups()))}
    return {}


def _layout(lines: Sequence[str]) -> dict[str, str]:
    """Return the title and the authors at the beginning, where they come in this order."""
    block: list[str] = []
    above: list[str] = []  # blocks since a line that is neither title nor name
    titles: list[str] = []
    related = False  # whether a line says that the next title is of another paper
    for place, line in enumerate([*lines, ""]):
        ends = bool(_BEGIN.match(line))
        text = _cleaned(" ".join(block))
        over = text or (above[-1] if above else "")
        if not ends and (cited := citation_in(line)):
            return ({"title": over} if _is_title(over) else {}) | cited
        title, names = ("", []) if ends else _people_at(lines, place, _is_title(over))
        no_title = bool(
            has("no_title").search(line) or has("related").match(line)
        ) or line.startswith(",")
        if ends or names or no_title or _is_prose(line) or not _in_latin(line):
            above += [text] if text else []
            titles += [text] if _is_title(text) and not related else []
            related = bool(has("related").match(line)) or (related and not text)
            block = []
        else:
            block.append(line)
        if names:
            title = title or _joined(above) or _joined(titles[-1:])
            return {"authors": "; ".join(names)} | ({"title": title} if title else {})
        if ends or (_is_prose(line) and not has("legal").search(line)):
            break
        above = [] if no_title else above
    last = above[-1:] if ends else []
    sure = [one for one in titles if one in last or one[-1] != "." or _CAPITALS.search(one)]
    twice = [one for one in sure if sure.count(one) > 1]
    return {"title": (twice or sure)[0].removesuffix(".")} if sure else {}


def _cleaned(text: str) -> str:
    """Return a title without its label and its marks."""
    return has("title").sub("", text).strip("#*†•·- ")


def _joined(above: Sequence[str]) -> str:
    """Return the title above names, which a blank line may divide; '' if there is none."""
    *_, first, last = ["", "", *above]
    both = f"{first} {last}"
    begun = _is_title(first) or (_OPEN_END.search(first) and len(first) > 30)
    continued = last[:1].islower() or (_is_title(first) and _is_title(last))
    if begun and continued and first not in last and last not in first and _is_title(both):
        return both.removesuffix(".")
    return last.removesuffix(".") if _is_title(last) else ""


def _people_at(lines: Sequence[str], place: int, titled: bool) -> tuple[str, list[str]]:
    """Return the names that begin at a line, and the title if the line has it, too."""
    line, *behind = [*lines[place : place + 40], ""]
    if re.search(r"(?:,|\band|&)$", line):
        line = f"{line} {behind[0]}"
    if names := people_in(line):
        return "", names
    title, names = behind_title(line)
    if names and _is_title(title := _cleaned(title)) and not has("no_title").search(title):
        return title, names
    short = takewhile(lambda one: 0 < len(one) < 26, [line, *behind])
    if names := people_in(" ".join(short)):  # a line for a part of a name
        return "", names
    text, labelled = without_label(line)
    if labelled and not text:
        rest = [one for one in behind if one and not re.fullmatch(r"[A-Z]{2,3}", one)]
        return "", people_in(rest[0]) or list(_run(rest)) if rest else []
    names = list(_run([line, *behind])) if titled else []
    following = next(filter(None, behind[max(0, len(names) - 1) :]), "")
    known = len(names) > 1 or one_person(line)[1] or _BEGIN.match(following)
    known = known or has("no_title").search(following)
    return "", names if known and not people_in(following) else []


def _run(lines: Sequence[str]) -> Iterator[str]:
    """Yield the names of lines, a name a line, up to another line."""
    for line in lines:
        name, _ = one_person(line)
        if not name:
            return
        yield name


def _quoted(lines: Sequence[str], found: dict[str, str]) -> dict[str, str]:
    """Return what citations and sentences that quote the title add to what is found."""
    added: dict[str, str] = {}
    for pattern in words()["front"]["titled"]:
        for line in lines:
            if "authors" not in found and (quoted := re.search(pattern, line)):
                added.setdefault("title", quoted[1])
    pairs = [
        f"{line} {behind}" if _DATED.search(line) else line
        for line, behind in pairwise([*lines, ""])
    ]
    citations = [(place, cited) for place, line in enumerate(pairs) if (cited := citation_in(line))]
    for place, cited in citations:
        own = any(map(_CITE.match, lines[max(0, place - 5) : place]))
        own = own or (len(citations) == 1 and "title" not in found)
        if own and "authors" not in found:
            return added | cited | {name: found[name] for name in ("title",) if name in found}
    lists = [names for line in lines if (names := people_in(line, 3))]
    if "authors" not in found and len(lists) == 1:
        added["authors"] = "; ".join(lists[0])
    return added


def _in_latin(line: str) -> bool:
    """Whether most letters of a line are Latin; no if it has none."""
    letters = [one for one in line if one.isalpha()]
    return 2 * sum(one < "\u0250" for one in letters) > len(letters)


def _is_prose(line: str) -> bool:
    if "..." in line:  # a part that a list of findings shows
        return False
    sentences = bool(_SENTENCE_END.search(line)) + bool(has("prose").search(line))
    return (len(line) > 300 or (sentences > 0 and len(line) > 120)) and not people_in(line)


def _is_title(text: str) -> bool:
    """Whether lines can be a title: some words, no sentence, and not in capitals."""
    small = sum(letter.islower() for letter in text)
    return (
        30 <= len(text) <= 300
        and len(text.split()) > 3
        and 2 * small > len(text)
        and not has("prose").search(text)
        and not _OPEN_END.search(text)
        and is_latin(text)
    )
