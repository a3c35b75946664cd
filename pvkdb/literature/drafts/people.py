"""The names of people in the lines of a paper."""

from __future__ import annotations

import re
from functools import cache

from pvkdb.literature.drafts.words import words

#: What is read of a line, so that a long one stays cheap.
LONGEST = 1500
#: Marks of affiliations behind a name: "1,2", "*a", "†", "[b]", " a,b", and what is in brackets.
_SIGNS = r"*∗⁎†‡§⊥∥△◊¶⇑✉#"
_MARKS = re.compile(
    rf"\s?[{_SIGNS}]+(?:\s?[a-h]{{1,3}}(?![A-Za-z]))?"
    r"|\s?\d+(?:\s?,\s?\d+)*|(?:\s[a-h]{1,3})+(?:\s?,\s?[a-h])*(?=\s*(?:[,;]|and\b|$))"
    r"|\s?\([^()]{1,60}\)|(?:e-?mail|corresponding) (?:the )?author"
)
_IN_BRACKETS = re.compile(rf",?\s?\[[a-z\d ,{_SIGNS}]{{1,12}}\]|,[a-h]{{1,2}}(?=\s[A-Z]|$)")
_FIRST_MARK = re.compile(rf"[,\s]*(?:[{_SIGNS}]|\[[a-z\d]|\s[a-h](?:,|$))|(?<=[^\W\d_])\d(?=,)")
_BETWEEN = re.compile(r"\s*(?:[,;&]|\band\b)\s*")
_DEPARTMENT = re.compile(r"[,\s]*(?:Dep|School|Facult|College)")
_NUMBER = re.compile(r"\W{0,9}\d{1,3}\.\s")
_PARTICLES = frozenset({*("de", "der", "den", "van", "von", "da", "di", "dos", "la", "le", "el")})
#: "A. K.", "AK", "J.-P.".
INITIALS = r"(?:[A-Z]\.?[ -]?){1,4}"
_LAST_WORDS = re.compile(r"(?<!\S)[^\W\d_a-z][\w.'’‐-]*\s+(?:(?:[A-Z]\.|[dv][aeo]n?)\s+){0,2}\S+$")


@cache
def has(what: str) -> re.Pattern[str]:
    """Return a pattern of the words that ``[front]`` of words.toml lists by this name."""
    return re.compile(words()["front"][what], re.IGNORECASE)


@cache
def affiliation() -> re.Pattern[str]:
    """Return the pattern at which an affiliation begins; its capitals count."""
    return re.compile(words()["front"]["affiliation"])


def without_label(line: str) -> tuple[str, bool]:
    """Return a line without a label such as "Authors:", and whether it has one."""
    label = has("authors").match(line)
    return (line[label.end() :], True) if label else (line, False)


def people_in(line: str, few: int = 2) -> list[str]:
    """Return the names of a list of people; none if the line is something else.

    A line without a label needs ``few`` names. "Wang, Yan; Tong, Yi" gives "Yan Wang" first.
    """
    text, labelled = without_label(line[:LONGEST])
    text = _IN_BRACKETS.sub(", ", affiliation().split(text)[0])
    if text.startswith(","):  # the first name is missing
        return []
    between = r"\s*;\s*" if ";" in text else _BETWEEN
    parts = [
        _MARKS.sub("", part).strip("*,•·- ") for part in re.split(between, _MARKS.sub("", text))
    ]
    parts = [" ".join(part.split(", ")[::-1]) for part in parts if part]
    parts = [re.sub(r"(?<=\.)(?=[A-Z])", " ", part) for part in _paired(parts, labelled)]
    parts = [re.sub(r"(?<=[A-Za-z]{2})\.$", "", part) for part in parts]
    names = [part for part in parts if is_name(part)]
    enough = len(names) >= (1 if labelled else few) and len(names) >= 0.7 * len(parts)
    return names if enough and parts[0] == names[0] else []


def _paired(parts: list[str], labelled: bool) -> list[str]:
    """Join surnames with what follows them: "Ott, A. K., Dou, C.", "Jin, Risheng, Wang, Jin"."""
    given = parts[1::2]
    initials = given and all(re.fullmatch(INITIALS, one) for one in given)
    single = labelled and len(parts) % 2 == 0 and not any(" " in part for part in parts)
    if not (initials or single):
        return parts
    return [f"{name} {family}" for family, name in zip(parts[::2], given, strict=False)]


def one_person(line: str) -> tuple[str, bool]:
    """Return the name that is all of a line, and whether something marks it as a name."""
    person, *department = affiliation().split(_NUMBER.sub("", line))
    text = _MARKS.sub("", _IN_BRACKETS.sub("", person)).strip(" •·*-,")
    family, comma, given = text.partition(", ")
    name = re.sub(r"(?<=\.)(?=[A-Z])", " ", f"{given} {family}" if comma else text)
    of_department = bool(department) and bool(_DEPARTMENT.search(line, len(person)))
    if line.startswith(","):  # the first name is missing
        return "", False
    sure = bool(comma) or of_department or bool(re.search(r"\b[A-Z]\.", name))
    return (name, sure) if is_name(name) and (of_department or not department) else ("", False)


def behind_title(line: str) -> tuple[str, list[str]]:
    """Return the title and the names of a line that has both: "A new memory Ann Li,† Bo Wu*"."""
    text = affiliation().split(line)[0]
    mark = _FIRST_MARK.search(text)
    if mark is None and text == line:
        return "", []
    names_end = mark.start() if mark else len(text)
    parts = [part.strip() for part in text[:names_end].split(",")]
    first = len(parts)
    while first > 1 and is_name(parts[first - 1].removeprefix("and ")):
        first -= 1
    own = _LAST_WORDS.search(head := ", ".join(parts[:first]))
    if own is None or not is_name(own[0]) or (mark is None and first == len(parts)):
        return "", []
    others = people_in(f"Authors: {text[names_end:].lstrip(f'{_SIGNS}, ')}")
    return head[: own.start()].strip(), [
        own[0],
        *(part.removeprefix("and ") for part in parts[first:]),
        *others,
    ]


def is_name(text: str) -> bool:
    """Whether a text can be the name of a person."""
    words_of = text.split()
    return (
        1 < len(words_of) < 6
        and not has("no_name").search(text)
        and not has("no_title").search(text.strip("."))
        and all(one in _PARTICLES or (one[0].isupper() and one.isprintable()) for one in words_of)
        and all(letter.isalpha() or letter in "-‐.'’ " for letter in text)
        and not any(len(one) > 3 and one.endswith(".") for one in words_of)  # "Mater. Adv."
    )


def is_latin(text: str) -> bool:
    """Whether a text has no Cyrillic, Japanese or Chinese letters."""
    return not re.search(r"[\u0400-\u04ff\u3040-\u9fff]", text)
