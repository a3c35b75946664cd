"""Quantities in sentences: numbers with units, ranges, lists, and the words in front of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

from pvkdb.chemistry.units import UNITS, parse_measurement
from pvkdb.errors import InputError
from pvkdb.literature.drafts.words import words

#: Most numbers of a sentence that are read.
MAX_NUMBERS = 100
#: A power of ten whose superscript has become plain digits: 104, 10(4) or 10 4, but not 10-20.
_LOST = r"10(?:\(\d{1,2}\)|[2-9]|1\d|\s[−-]?\d{1,2})(?![\d.])"
_POWER = r"10(?:[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}|\^-?\d{1,3})"
_NUMBER = (
    rf"(?:{_POWER}|\d{{1,3}}(?:[, ]\d{{3}})+(?![\d.])|{_LOST}|\d{{1,12}}(?:\.\d{{1,8}})?"
    rf"(?:\s?[×x·]\s?(?:{_POWER}|{_LOST})|e[+-]?\d{{1,3}}(?![A-Za-z]))?)"
)
#: Words and signs in front of a number, by the sign that the tables hold.
_FRONT = {
    "~": "~|≈|about|around|approximately|ca\\.|roughly|nearly|almost|circa|close to",
    ">": ">|≥|over|exceed(?:ing|s|ed)?|(?:more|greater|larger|higher|longer) than|above|beyond|"
    "at least|in excess of",
    "<": "<|≤|below|under|(?:less|lower|smaller|fewer|shorter) than|within",
    "up to": "up to|as (?:high|long|large) as",
}
#: Behind these words a number counts figures, equations or the like.
_NAMES = re.compile(r"(?:[Ff]igs?|[Rr]efs?|[Ss]ections?|[Tt]ables?|[Ee]qns?)\.?\s?$")
_SYMBOLS = re.compile(r"\b[nxyT]\s?[=>]?\s?$")
_YEAR = re.compile(r"(?:19|20)\d\d")
#: Numbers that are written as words, in front of what is counted.
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "sixteen")
_CHANGE = re.compile(
    r"\b(?:expan|increas|decreas|reduc|improv|enhanc|drop|lower|rais|extend|shift|chang)\w*\b"
    r".{0,100}\bfrom\s*$"
)
_RANGE = re.compile(r"\s?(?:–|−|-|to|±|×)\s?")
_LIST = re.compile(r"\s?(?:,|, and|and|or|/)\s?")


@dataclass(frozen=True, slots=True)
class PrintedQuantity:
    """A value of a sentence in ``unit``, a unit of the tables, with its place in the sentence."""

    unit: str
    low: float
    high: float
    sign: str
    start: int
    end: int
    doubt: str = ""
    factor: float = 1.0
    power: float = 1.0


@cache
def _units() -> dict[str, tuple[str, float]]:
    """Return the unit of the tables and the factor, by the printed unit without blanks."""
    return {
        name.replace("mol-1", "mol⁻¹").replace(" ", ""): (unit, float(factor))
        for unit, printed in words()["units"].items()
        for name, factor in (UNITS[printed] if isinstance(printed, str) else printed).items()
    }


@cache
def _token() -> re.Pattern[str]:
    spelled = {
        name.replace("mol-1", "mol⁻¹"): None
        for printed in words()["units"].values()
        for name in (UNITS[printed] if isinstance(printed, str) else printed)
    }
    unit = "|".join(
        re.escape(name).replace(r"\ ", r"\s?") + ("s?" if len(name) > 2 and name[-1] != "s" else "")
        for name in sorted(spelled, key=len, reverse=True)
    )
    front = "|".join(f"(?P<front{place}>{words})" for place, words in enumerate(_FRONT.values()))
    return re.compile(
        rf"(?:(?<![A-Za-z])(?:{front})\s{{0,2}})?(?P<sign>(?<![\w⁰-⁹)])(?<!\d\s)[+\-−±])?\s?"
        rf"(?<![\w.)\]⁰¹²³⁴⁵⁶⁷⁸⁹⁻])(?P<number>{_NUMBER}|"
        rf"(?P<word>{'|'.join(_WORDS)})(?= (?:orders|\w+ states)))"
        rf"(?P<grid>\s?×\s?\d{{1,5}}(?![\d.]))?"
        rf"(?:[\s-]?(?P<unit>{unit})(?![A-Za-z⁻⁰¹²³⁴⁵⁶⁷⁸⁹])|(?!-?[A-Za-z]))"
    )


def quantities(text: str) -> list[PrintedQuantity]:
    """Return the quantities of a sentence; a number without a unit has the unit ``1``."""
    matches = islice(_token().finditer(text), MAX_NUMBERS)
    tokens = [token for match in matches if (token := _read(text, match))]
    for place in reversed(range(len(tokens) - 1)):  # "1, 2 and 3 V": the unit of the last one
        left, right = tokens[place : place + 2]
        between = text[left.end : right.start]
        joined = _RANGE.fullmatch(between) or (not right.sign and _LIST.fullmatch(between))
        if left.unit == "1" and right.unit not in ("1", "grid") and joined:
            shared = left.power == 1 and left.low < right.low / right.factor / right.power
            scale = right.factor * (right.power if shared else 1)
            tokens[place] = replace(
                left, unit=right.unit, low=left.low * scale, high=left.high * scale
            )
    return [
        replace(found, low=float(f"{found.low:.9g}"), high=float(f"{found.high:.9g}"))
        for found in _merged(text, tokens)
    ]


def _read(text: str, match: re.Match[str]) -> PrintedQuantity | None:
    number, printed = match["number"], match["unit"]
    before = text[max(0, match.start() - 14) : match.start() + 1]
    bare = printed is None and not match["grid"]
    if _NAMES.search(before) or (bare and (_SYMBOLS.search(before) or _YEAR.fullmatch(number))):
        return None
    if match["word"]:
        number = str({word: place for place, word in enumerate(_WORDS, 2)}[match["word"].lower()])
    doubt = ""
    plain = re.sub(r"(?<=\d)[, ](?=\d{3})", "", number)
    unit, factor = _units()[_known(printed)] if printed else ("1", 1.0)
    lost = re.search(r"10(\(\d+\)|[\s−-]+\d+|[2-9]|1\d)$", plain)
    if lost and (not lost[1].isdigit() or lost.start() or unit in ("1", "cycles", "s")):
        plain = f"{plain[: lost.start()]}10^{lost[1].strip('( )')}"
        doubt = f"is it {plain}? The text has {number}."
    try:
        value = parse_measurement(plain, "1").minimum or 0.0
    except InputError:
        return None
    if match["sign"] and unit in ("states", "devices", "pulses"):
        return None  # oxidation states
    front = next((sign for place, sign in enumerate(_FRONT) if match[f"front{place}"]), "")
    if match["sign"] in ("-", "−"):
        value = -value
    elif match["sign"] == "±":
        front = "±"
    values = [value]
    if match["grid"]:
        values.append(float(match["grid"].strip(" ×")))
        unit = {"m": "side", "m2": "m2"}.get(unit, "grid")
    mantissa = re.match(r"[\d.]+(?=\s?[×x·])", plain)
    power = abs(value) / float(mantissa[0]) if mantissa and float(mantissa[0]) else 1.0
    low, high = min(values) * factor, max(values) * factor
    if unit == "m2" and match["grid"]:
        low = high = values[0] * values[1] * factor
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    return PrintedQuantity(unit, low, high, front, start, match.end(), doubt, factor, power)


def _known(printed: str) -> str:
    bare = re.sub(r"\s", "", printed)
    return bare if bare in _units() else bare.removesuffix("s")


def _merged(text: str, tokens: Sequence[PrintedQuantity]) -> Iterator[PrintedQuantity]:
    """Yield ranges and lists of three and more as one quantity each."""
    place = 0
    while place < len(tokens):
        group = [tokens[place]]
        joint = ""
        respectively = text.find("respectively", tokens[place].end) > 0
        for other in tokens[place + 1 :]:
            between = text[group[-1].end : other.start].strip()
            if other.unit != group[0].unit:
                break
            if _RANGE.fullmatch(between) and len(group) == 1:
                group.append(other)
                joint = between
                break
            if not _LIST.fullmatch(between) or other.unit == "1" or respectively:
                break
            group.append(other)
        place += len(group)
        first, last = group[0], group[-1]
        if joint == "±":
            yield replace(first, low=first.low - last.low, high=first.low + last.low, end=last.end)
        elif (joint == "to" and _CHANGE.search(text[max(0, first.start - 140) : first.start])) or (
            not joint and len(group) < 3
        ):
            yield from group
        else:
            unit = "side" if joint == "×" else first.unit
            low, high = min(one.low for one in group), max(one.high for one in group)
            yield replace(first, unit=unit, low=low, high=high, end=last.end)
