"""Quantities in sentences: numbers with units, ranges, lists, and the words in front of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice

from pvkdb.chemistry.units import UNITS, parse_measurement, unit_of, unit_pattern
from pvkdb.errors import InputError
from pvkdb.literature.drafts.words import words

#: Most numbers of a sentence that are read.
MAX_NUMBERS = 100
#: A power of ten whose superscript has become plain digits: 104, 10(4) or 10 4, but not 10-20.
_LOST = r"10(?:\(\d{1,2}\)|[−–-]\d\d?(?= ?J)|[2-9]|1\d|\s[−-]?\d{1,2})(?!\.?\d)"
_POWER = r"10(?:[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}|\^-?\d{1,3})"
_NUMBER = (
    rf"(?:{_POWER}|\d{{1,3}}(?:[, ]\d{{3}})+(?![\d.])|{_LOST}|"
    rf"\d{{1,12}}(?:\.\d{{1,8}}(?:\(\d\d?\))?)?"
    rf"(?:\s?[×x·]\s?(?:{_POWER}|{_LOST}|10[–−-]\d{{1,2}}(?!\.?\d))|e[+-]?\d{{1,3}}(?![A-Za-z]))?)"
)
#: Words and signs in front of a number, by the sign that the tables hold.
_FRONT = {
    "~": "~|≈|about|around|approximately|approx\\.|ca\\.|roughly|nearly|almost|circa|close to|near|"
    "similar to|approximate to",  # what a database of abstracts makes of ~ and ≈
    ">": ">|≥|over|exceed(?:ing|s|ed)?|surpass(?:ing|es|ed)?|above|beyond|at least|in excess of|"
    "(?:more|greater|larger|higher|longer) than",
    "<": "<|≤|below|under|(?:less|lower|smaller|fewer|shorter) than|within",
    "up to": "up to|as (?:high|long|large) as",
}
#: Behind these words a number counts figures, equations or the like.
_NAMES = re.compile(r"(?:[Ff]igs?|[Rr]efs?|[Ss]ections?|[Tt]ables?|[Ee]qns?)\.?\s?$")
#: Units that no metric has.
_UNREAD = re.compile(r"\s?(?:Pages?\b|[afpnμumkMG]?(?:W|Hz|F|V|A|g|N|rpm|lx|eV)\b|wt%|vol%|Jones)")
#: In front of no count: V_read/2, and a citation.
_NO_COUNT = re.compile(r"[A-Za-z_]/$|\[$")
_WITHIN = re.compile(r"within\b", re.IGNORECASE)
#: A number that says how many times as much.
_FACTOR = re.compile(r"\ban? factor of\s*$", re.IGNORECASE)
#: In front of an energy of the law of Arrhenius: "exp(−0.6 eV/kT)".
_EXPONENTIAL = re.compile(r"\bexp\s?[\[({]\s?[-−–]?$")
_EVERY = re.compile(r"\bevery\s*$", re.IGNORECASE)
_SYMBOLS = re.compile(r"\b[nxyT]\s?[=>]?\s?$")
#: An exponent of a unit that has lost its superscript.
_EXPONENT = re.compile(r"[A-Za-zΩ][–−-][123](?!\.?\d)")
#: Ratios of two and more states, one of them a power of ten, also a lost one: 10³:10²:1, 1:101.87.
_STATE = rf"(?:{_POWER}|10\d(?:\.\d+)?|1)"
_CHAIN = (
    rf"(?:(?=1\s?:\s?10|10[^:\s]+\s?:\s?1){_STATE}(?:\s?:\s?{_STATE})+|"
    rf"{_STATE}(?:/{_STATE}){{1,3}}/1)(?![\d:/]|\.\d)"
)
#: In front of the size of a voltage whose sign is a word.
_NEGATIVE = re.compile(
    r"\bnegative(?: [\w-]+){0,2} (?:voltages?|bias(?:es)?|pulses?)(?: (?:of|at|to))?\s*$"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
#: Words between a number and what is counted, no plural and no verb: "139 non-overlapping ohmic
#: conduction states", "300 SET/RESET cycles".
_ADJECTIVES = (
    r"(?:(?!(?:of|in|at|and|or|to|with|for|from|by|on|the|an?|its|their|than|over|after|under|per|"
    r"between|when|while|which|that|can|could|upon|until|before|without|only|even)\b)"
    r"[A-Za-z]{1,30}+(?:(?<!s)|(?<=ous)|(?<=less))(?:,?[\s-]|[/–-])){0,6}?"
)
#: Numbers that are written as words, in front of what is counted.
_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_WORDS |= {"nine": 9, "ten": 10, "twelve": 12, "sixteen": 16}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1e6}
_COUNTED = rf"(?=[ -](?:orders|{_ADJECTIVES}(?:state|level)s?|(?:hour|day|week|month|year)s?)\b)"
_CHANGE = re.compile(
    r"\b(?i:expan|increas|decreas|reduc|improv|enhanc|drop|lower|rais|extend|shift|chang)\w*\b"
    r".{0,100}\bfrom\s*$"
)
_RANGE = re.compile(r"\s?(?:–|−|-|to|±|×)\s?")
#: What separates the members of a list.
LIST_SIGN = re.compile(r"\s?(?:,|,? and|,? or|/)\s?")
_SUPERSCRIPTS = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789")
_MANTISSA = re.compile(r"(?P<mantissa>-?[\d.]+)(?P<power>\s?[×x·].*10\S+)")


#: What is counted with adjectives in front of it.
_WITH_ADJECTIVES = ("cycles", "states", "pulses")
#: A part of a text.
Span = tuple[int, int]
#: Units of quantities that are often powers of ten, so that 103 may be 10³.
_OFTEN_POWERS = ("1", "cycles", "fold", "pulses", "s")


@dataclass(frozen=True, slots=True)
class PrintedQuantity:
    """A value of a sentence with its place.

    ``low`` and ``high`` are in ``unit``, a unit of the tables or what is counted. ``ends`` are the
    texts of both, each with its printed unit, as :func:`parse_measurement` reads them. ``bare`` is
    the number alone where its unit is that of the next quantity.
    """

    unit: str
    ends: tuple[str, str]
    sign: str
    start: int
    end: int
    doubt: str = ""
    printed_unit: str = ""
    bare: str = ""
    low: float = field(init=False)
    high: float = field(init=False)

    def __post_init__(self) -> None:
        low, high = self.in_unit({"side": "m"}.get(self.unit, self.unit))
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @property
    def text(self) -> str:
        """The value or the range, with its printed unit."""
        return " to ".join(dict.fromkeys(self.ends))

    def in_unit(self, unit: str) -> tuple[float, float]:
        """Return both ends in a unit of the tables; counts are pure numbers."""
        unit = unit if unit in UNITS else "1"
        found = [parse_measurement(end, unit) for end in self.ends]
        return found[0].minimum or 0.0, found[1].maximum or 0.0


@cache
def _counts() -> list[tuple[str, re.Pattern[str]]]:
    """Return what is counted, with the pattern of its printed names."""
    found = []
    for unit, names in words()["counts"].items():
        between = _ADJECTIVES if unit in _WITH_ADJECTIVES else ""
        found.append((unit, re.compile(f"{between}(?:{'|'.join(names)})s?")))
    return found


@cache
def _token() -> re.Pattern[str]:
    unit = "|".join([unit_pattern(), *(pattern.pattern for _, pattern in _counts())])
    # "s–1" is no second and "cm² V⁻¹ s⁻¹" no area, but "2 V–1 V" is a range.
    per = rf"[–−-][123](?![\d.]|\s?(?:{unit})(?![A-Za-z]))|[\s·]?(?:cm|m|s|V|K|mol)[⁻–−-][¹²³123]"
    per += r"|/(?:[cmnμ]?m[²2]|dec)|(?:/| per )(?:atom|percent|%)"  # "5 mA/cm²" is no current
    front = "|".join(f"(?P<front{place}>{words})" for place, words in enumerate(_FRONT.values()))
    return re.compile(
        rf"(?:(?<![A-Za-z])(?:{front})\s{{0,2}}(?:[~≈]\s?)?)?(?P<sign>(?<![\w⁰-⁹)])(?<!\d\s)[+\-−±])?\s?"
        rf"(?<![\w.)\]⁰¹²³⁴⁵⁶⁷⁸⁹⁻])(?<!\b0,)(?!0,\d)(?P<number>(?P<chain>{_CHAIN})|{_NUMBER}(?!\d|\.\d|\^)|"
        rf"(?P<word>(?<!-)(?i:(?!one day|one \w+ states)(?:{'|'.join(_WORDS)})))"
        rf"(?:{_COUNTED}|(?=\s(?:{'|'.join(_SCALES)})\b)))"
        rf"(?:\s(?P<scale>{'|'.join(_SCALES)})\b)?"
        rf"(?P<grid>\s?×\s?\d{{1,5}}(?![\d.]))?"
        rf"(?:[\s-]?(?P<unit>{unit})(?![A-Za-z\d⁻⁰¹²³⁴⁵⁶⁷⁸⁹]|{per})|(?!-?[A-Za-z]))"
    )


def quantities(text: str) -> list[PrintedQuantity]:
    """Return the quantities of a sentence; a number without a unit has the unit ``1``."""
    matches = islice(_token().finditer(text), MAX_NUMBERS)
    tokens = [token for match in matches if (token := _read(text, match))]
    units = {(one.start, one.end): one.unit for one in tokens}
    alike = {span for run in lists(text, units) for span in run
             if len({units[one] for one in run} - {"1"}) < 2}  # fmt: skip
    for place in reversed(range(len(tokens) - 1)):  # "1, 2 and 3 V": the unit of the last one
        left, right = tokens[place : place + 2]
        between = text[left.end : right.start]
        listed = LIST_SIGN.fullmatch(between) and not right.sign
        joined = _RANGE.fullmatch(between) or (listed and (left.start, left.end) in alike)
        if left.unit == "1" and right.unit not in ("1", "grid") and joined:
            number, power = left.ends[0], _MANTISSA.match(right.ends[0])
            if power and not _MANTISSA.match(number) and left.low < float(power["mantissa"]):
                number += power["power"]
            ends = (f"{number} {right.printed_unit}".strip(),) * 2
            tokens[place] = replace(left, unit=right.unit, ends=ends, bare=left.ends[0])
    return list(_merged(text, tokens))


def lists(text: str, spans: Iterable[Span], sign: re.Pattern[str] = LIST_SIGN) -> list[list[Span]]:
    """Return spans of a text in lists, within which only commas and "and" separate them."""
    found: list[list[Span]] = []
    for span in spans:
        if found and sign.fullmatch(text[found[-1][-1][1] : span[0]]):
            found[-1].append(span)
        else:
            found.append([span])
    return found


def _read(text: str, match: re.Match[str]) -> PrintedQuantity | None:
    number, printed = match["number"], match["unit"]
    before = text[max(0, match.start() - 14) : match.start() + 1]
    bare = printed is None and not match["grid"]
    if _EVERY.search(before) or _NAMES.search(before):
        return None
    if bare and (
        _SYMBOLS.search(before) or _YEAR.fullmatch(number) or _NO_COUNT.search(before[:-1])
    ):
        return None
    if bare and _UNREAD.match(text, match.end()):
        return None
    if bare and _EXPONENT.match(text, max(0, match.start("number") - 2)):
        return None
    if _YEAR.fullmatch(number) and (printed or "").lower() == "year":
        return None
    if match["word"]:
        number = str(_WORDS[match["word"].lower()])
    if match["scale"]:
        number = f"{float(number.replace(',', '')) * _SCALES[match['scale']]:.12g}"
    doubt = ""
    plain = re.sub(r"(?<=\d)[, ](?=\d{3})", "", number)
    plain = re.sub(r"(?<=\.)(\d+)\(\d+\)", r"\1", plain)  # without its uncertainty
    unit, printed = _unit(printed) if printed else ("1", "")
    if bare and _FACTOR.search(text[max(0, match.start() - 14) : match.start("number")]):
        unit = "fold"
    if match["chain"]:
        powers = [_exponent(state) for state in re.split(r"\s?[:/]\s?", number)]
        plain = f"{10 ** (max(powers) - min(powers)):.4g}"
        doubt = f"is it {plain}? The text has {number}." if re.search(r"10\d", number) else ""
    lost = re.search(r"10(\(\d+\)|[\s–−-]+\d+|[2-9]|1\d)$", plain)
    if lost and (not lost[1].isdigit() or lost.start() or unit in _OFTEN_POWERS):
        plain = f"{plain[: lost.start()]}10^{lost[1].strip('( )').replace('–', '-')}"
        doubt = f"is it {plain}? The text has {number}."
    if unit in ("states", "devices", "pulses") and (match["sign"] or "." in match["number"]):
        return None  # oxidation states, and no whole number
    front = next((sign for place, sign in enumerate(_FRONT) if match[f"front{place}"]), "")
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    if match["sign"] in ("-", "−") and not _EXPONENTIAL.search(before):
        plain = f"-{plain}"
    elif unit == "V" and _NEGATIVE.search(text[max(0, start - 60) : start]):
        plain, front = f"-{plain}", ""  # its bound is of the magnitude
    elif match["sign"] == "±":
        front = "±"
    elif unit in ("cycles", "pulses") and _WITHIN.search(match[0]):
        front = ""  # no failure within so many
    numbers = [plain, match["grid"].strip(" ×")] if match["grid"] else [plain]
    try:
        values = [parse_measurement(number, "1").minimum or 0.0 for number in numbers]
        if match["grid"] and unit == "m2":
            numbers = [f"{values[0] * values[1]:.12g}"]
        elif match["grid"]:
            unit = "side" if unit == "m" else "grid"
            numbers = [each for _, each in sorted(zip(values, numbers, strict=True))]
        first, last = (f"{number} {printed}".strip() for number in (numbers[0], numbers[-1]))
        return PrintedQuantity(unit, (first, last), front, start, match.end(), doubt, printed)
    except InputError:
        return None


def _exponent(state: str) -> float:
    """Return the power of ten of a state in a ratio of several: 3 of 10³, of 10^3 and of 103."""
    digits = state.removeprefix("10").removeprefix("^").translate(_SUPERSCRIPTS)
    return float(digits) if state != "1" else 0.0


def _unit(printed: str) -> tuple[str, str]:
    """Return the unit of the tables, or what is counted, and how an import writes it."""
    for unit, pattern in _counts():
        if pattern.fullmatch(printed):
            return unit, unit if unit in UNITS else ""
    found = unit_of(printed)
    return (found[0], printed) if found else ("1", "")


def _merged(text: str, tokens: Sequence[PrintedQuantity]) -> Iterator[PrintedQuantity]:
    """Yield ranges and lists of three and more as one quantity each."""
    place = 0
    while place < len(tokens):
        group = [tokens[place]]
        joint = ""
        respectively = text.find("respectively", tokens[place].end) > 0
        for other in tokens[place + 1 :]:
            between = text[group[-1].end : other.start]
            if other.unit != group[0].unit:
                break
            error = other.sign == "±" != group[0].sign and not between.strip()
            ends = between.strip() == "and" and text[: group[0].start].rstrip().endswith("between")
            if (error or ends or _RANGE.fullmatch(between)) and len(group) == 1:
                group.append(other)
                joint = "–" if ends else between.strip() or "±"
                break
            if not LIST_SIGN.fullmatch(between) or other.unit in ("1", "eV") or respectively:
                break
            group.append(other)
        place += len(group)
        first, last = group[0], group[-1]
        if joint == "±":
            yield replace(first, ends=(f"{first.text} ± {last.text}",) * 2, end=last.end)
        elif (joint == "to" and _CHANGE.search(text[max(0, first.start - 140) : first.start])) or (
            not joint and len(group) < 3
        ):
            yield from group
        else:
            unit = "side" if joint == "×" else first.unit
            low, high = min(group, key=lambda one: one.low), max(group, key=lambda one: one.high)
            yield replace(first, unit=unit, ends=(low.ends[0], high.ends[1]), end=last.end)
