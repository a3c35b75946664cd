"""Statements of a paper: quantities of its sentences, each with what it measures and of what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Literal

from pvkdb.literature.cells import stability_doubt
from pvkdb.literature.drafts.documents import BETWEEN_CELLS, Document, PrintedTable, Sentence
from pvkdb.literature.drafts.naming import (
    abbreviations,
    defect_near,
    formula_in,
    materials_in,
    only_material,
    stacks_in,
    upright,
    whose,
)
from pvkdb.literature.drafts.quantities import LIST_SIGN, PrintedQuantity, Span, lists, quantities
from pvkdb.literature.drafts.words import MetricWords, metric_words, words
from pvkdb.schemas.metrics import CLAIM_UNITS
from pvkdb.store.rows.stacks import split_structure

#: Metrics that are rows of ``energetics``, and what stands for one where a stack has no figure.
ENERGIES = ("E_A", "DFE")
STACK = "structure"
#: Headers of the columns of a table that say of what its values are.
_SUBJECTS = {
    "stack": r"structure|device|stack",
    "subject": r"perovskite|material|composition|absorber|active layer",
    "defect": r"defect|mobile ion|species",
}
_CITATION = re.compile(r"(?<!10)(?<!10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])\s?[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺][⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺,–]*$")
#: Characters in front of a quantity within which its word is looked for.
_FAR = 500
#: Cost of a unit that says what is measured, where no word is near.
_ALONE = 160
#: Layers of a device that a paper names, of whatever they are.
_LAYERED = re.compile(r"\w/\w+/\w")
#: Distance within which a quantity is of the metric of the one before it.
_SAME = 130
#: Cost of a clause's end between a word and a number, of a new member of a list, and of a word
#: behind a number; a word in brackets behind it is its name, and one of its unit decides.
_CLAUSE, _MEMBER, _BEHIND, _NAME, _UNIT = 30, 15, 8, -20, -100
#: What begins a part of a unit behind a number: "13.5 aJ per spike", "1 pJ/event".
_PER = re.compile(r"per\b|/", re.IGNORECASE)
_CLAUSES = re.compile(
    r";|, (?:while|whereas|but|which|with|and|resulting|reduced|indicating)\b|\bwhile\b|\bwhereas\b"
)
#: What begins another statement behind a value: "2 eV, the formation energy is".
_ANOTHER = re.compile(r"(?:,| and) the $")
_MEMBERS = re.compile(r",| and | or |\) ")
_IN_BRACKETS = re.compile(r" ?[(\[]")
#: What links a value with its word over a part of its clause: "the ratio between both states is".
_LINKED = re.compile(
    r"[^;,.:\d]{0,140}\b(?:is|are|was|were|be|been|of|to be|reach\w*|exceed\w*|attain\w*|up to|"
    r"(?:stay|remain|keep)s?(?: at)?|amounts? to|only)"
    r"(?: (?:only|merely|just|found|measured|still|to be))*[ (]*"
)
#: What such a part may name: "of the MAPbI3, MAPbBr3 and CsPbI3 devices (HRS to LRS)".
_INSERTED = re.compile(
    r"(?:[A-Z(\[][\w()\[\]/:.−–+-]*\d[\w()\[\]/:−–+-]*(?:, (?=[A-Z(])| and (?=[A-Z]))?)+|"
    r"\([^()\d]*\)"
)
_PREPOSITION = re.compile(r"(?:for|over|at|after|during|beyond|more than|up ?to)", re.IGNORECASE)
#: Share of the characters of such a part that counts.
_LINK = 0.1
#: What separates the names of a list of as many values: "the set (reset) voltage", "both A and B".
_VALUES_SIGN = re.compile(rf"{LIST_SIGN.pattern}|\s?\(|\)\s?{LIST_SIGN.pattern}")
_NAMES_SIGN = re.compile(
    r"(?:,? ?\([^()]*\))?(?:,? and |, | or |/| ?\(|\) ?)(?:(?:the|an?|its|both|high|low|long) )?"
)
#: A device of another composition than the one before: "the chloride-alloyed device".
_ALTERED = re.compile(
    r"\b\w+[- ](?:alloyed|doped|substituted|incorporated|modified|treated|added)[- ]"
    r"(?:\w+ )?(?:devices?|memristors?|cells?|films?|samples?|ones?|memory|memories)\b",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(r"(?:1\.?\s*)?Introduction\b")
_OWN = re.compile(r"\b(?:here(?:in)?|in this (?:work|study|paper|letter)|we)\b", re.IGNORECASE)
#: An abstract is about other work until one of these words begins what the paper did.
_HERE = re.compile(r"Here(?:in)?\b|In this (?:work|study|paper|letter|article|contribution)\b")
_ABSTRACTS = ("beginning", "Abstract")
_THAT_OF = re.compile(r"\b(?:that|those) (?:of|for|in)\b|\bcompared (?:to|with)\b")
#: Between values of one metric: "10⁴ (dark) and 10² (light)".
_NEXT = re.compile(rf"(?: \([^()\d]*\))?{LIST_SIGN.pattern}(?:of )?| to ")


@dataclass(frozen=True, slots=True)
class FoundValue:
    """A value that a paper states: what was measured, of what, and the sentence that says so.

    ``low`` and ``high`` are in ``unit``, that of the table; ``printed`` is the value with its unit
    as the paper has it, and ``text`` as an import reads it. In the text of the document, the value
    is at ``span``, and its sentence begins at ``start``. ``asked`` is why a person has to decide
    whether it is a value of a device of the paper.
    """

    metric: str
    unit: str
    low: float
    high: float
    sign: str
    printed: str
    text: str
    sentence: str
    place: str
    page: int | None = None
    paragraph: int = 0
    start: int = 0
    span: tuple[int, int] = (0, 0)
    subject: str = ""
    stack: str = ""
    defect: str = ""
    doubt: str = ""
    asked: str = ""
    proposed_by: Literal["rules", "language model"] = "rules"


def statements(document: Document) -> Iterator[FoundValue]:
    """Yield the figures of devices and the energies that sentences and tables state."""
    subject = stack = energy = introduction = ""
    paragraph = 0
    only = only_material(document)
    short = abbreviations(document)
    turns = {one.paragraph: one.start for one in document.sentences
             if one.place in _ABSTRACTS and _HERE.match(one.text)}  # fmt: skip
    for sentence in document.sentences:
        if sentence.paragraph != paragraph:
            subject, stack, energy, paragraph = only, "", "", sentence.paragraph
        text = sentence.text
        if _INTRODUCTION.match(text):
            introduction = sentence.place
        if sentence.place != introduction or _OWN.search(text):
            introduction = ""
        ahead = sentence.start < turns.get(sentence.paragraph, 0)
        others = "it is in the introduction" if introduction or ahead else ""
        stacks = stacks_in(text, short)
        layered = [(at, spelled) for at, _, spelled in stacks]
        materials = materials_in(text, short)
        if _ALTERED.search(text):
            subject = stack = ""
        measured = list(_measured(text, energy))
        values = [one for one, _ in measured]
        for quantity, metric in measured:
            at = quantity.start
            found = found_value(quantity, metric, sentence, text[at : quantity.end])
            about = whose(text, quantity, values, materials, subject)
            # The stack of an earlier sentence is not that of another material.
            kept = "" if stacks or (materials and about not in stack) else stack
            yield replace(
                found,
                subject=about,
                stack=upright(whose(text, quantity, values, layered, kept)),
                defect=defect_near(text, at) if metric in ENERGIES else "",
                asked=asked_because(text, quantity, metric) or others,
            )
            energy = metric if metric in ENERGIES else energy
        for at, printed, spelled in stacks:
            yield _stack_value(sentence, at, printed, upright(spelled))
        if len({name for _, name in materials}) > 1:
            subject = only  # of which of them the next sentence is, is not known
        elif materials:
            subject = materials[0][1]
        stack = layered[0][1] if len(stacks) == 1 else "" if stacks else stack
    for table in document.tables:
        yield from _table_values(table)


def _stack_value(sentence: Sentence, at: int, printed: str, stack: str) -> FoundValue:
    """Return a stack as a value of its own, for a device whose figures are elsewhere."""
    about = _place(sentence, at, at + len(printed))
    return FoundValue(STACK, "", 0.0, 0.0, "", printed, stack, **about, stack=stack)


def _place(sentence: Sentence, start: int, end: int) -> dict[str, Any]:
    """Return the place of a part of a sentence, as fields of a value."""
    return {
        "sentence": sentence.text,
        "place": sentence.place,
        "page": sentence.page,
        "paragraph": sentence.paragraph,
        "start": sentence.start,
        "span": (sentence.start + start, sentence.start + end),
    }


def asked_because(text: str, quantity: PrintedQuantity, metric: str) -> str:
    """Return why a value may not be one of the paper's own devices; '' if it seems to be."""
    before = text[max(0, quantity.start - 100) : quantity.start]
    for doubt in words()["doubt"]:
        compared = re.search(doubt.get("compared", ""), before, re.I)
        if (
            doubt.get("of", metric) == metric not in doubt.get("but", ())
            and compared
            and not (_LAYERED.search(compared[0]) or materials_in(compared[0], {}))
            and re.search(doubt.get("before", ""), before, re.I)
            and re.match(doubt.get("behind", ""), text[quantity.end :])
            and re.search(doubt.get("says", ""), text, re.I)
        ):
            return str(doubt["why"])
    return ""


def found_value(
    quantity: PrintedQuantity, metric: str, sentence: Sentence, printed: str
) -> FoundValue:
    """Return a quantity of a sentence as a value of a metric, in the unit of the tables."""
    unit = CLAIM_UNITS.get(metric, quantity.unit) or "1"
    low, high = quantity.in_unit(unit)
    said = quantity.text
    if quantity.unit == "orders":
        said = " to ".join(dict.fromkeys(f"10^{end:g}" for end in (low, high)))
        low, high = 10.0**low, 10.0**high
    short = stability_doubt(low, quantity.ends[0]) if metric == "stability_days" else ""
    return FoundValue(
        *(metric, unit, low, high, quantity.sign, printed, said),
        **_place(sentence, quantity.start, quantity.end),
        doubt=quantity.doubt or short,
    )


def _table_values(table: PrintedTable) -> Iterator[FoundValue]:
    """Yield the values of a table, whose headers name quantities with their units."""
    head = table.rows[0]
    columns = {
        name: next((place for place, text in enumerate(head) if re.search(words, text, re.I)), None)
        for name, words in _SUBJECTS.items()
    }
    if columns["subject"] is None and columns["stack"] is None:
        return
    lines = table.lines()
    starts = accumulate((len(line) + 1 for line in lines), initial=table.start)
    placed = list(zip(table.rows, lines, starts, strict=False))[1:]
    filled = [one for one in placed if any(one[0][1:])]
    for number, (row, line, start) in enumerate(filled, 1):
        about: dict[str, Any] = {
            name: _CITATION.sub(
                "", re.sub(r" (?=[\d/_}])|(?<=[\d/]) (?=[A-Z(:@/])", "", row[place])
            )
            for name, place in columns.items()
            if place is not None and place < len(row)
        }
        if about.get("stack"):
            about["subject"] = next(
                filter(None, map(formula_in, split_structure(about["stack"]))), ""
            )
        whole = Sentence(line, f"{table.place} row {number}", table.page, -number, start)
        ends = accumulate((len(cell) + len(BETWEEN_CELLS) for cell in row), initial=start)
        for title, cell, begin in zip(head, row, ends, strict=False):
            value = _CITATION.sub("", cell)
            unit = re.search(r"[(\[]([^()\[\]]{1,20})[)\]]\s*$", title)
            name = title[: unit.start()] if unit else title
            names, values = name.split("/"), value.split("/")
            if len(names) != len(values):
                names, values = [name], [value]
            for label, part in zip(names, values, strict=True):
                printed = f"{part.strip()} {unit[1] if unit else ''}".strip()
                for quantity, metric in _measured(f"{label.strip()} {printed}", ""):
                    first = begin + cell.find(part.strip())
                    about["span"] = (first, first + len(part.strip()))
                    yield replace(found_value(quantity, metric, whole, printed), **about)


def _measured(text: str, energy: str) -> Iterator[tuple[PrintedQuantity, str]]:
    """Yield the quantities of a sentence that a metric is near, with the metric.

    A quantity without a word of its own has the metric of the one before it, and an energy that of
    the sentence before.
    """
    found = quantities(text)
    last: tuple[PrintedQuantity, str] | None = None
    for place, printed in enumerate(found):
        quantity, metric = _in_order(text, found, place) or (printed, None)
        shared: list[str] = []
        if metric is None and (metric := _metric(text, quantity, found, metric_words())):
            shared = _shared(text, quantity, metric)
        if metric is None and last and last[0].unit == quantity.unit:
            between = text[last[0].end : quantity.start]
            near = quantity.unit != "1" and "=" not in between
            near = near or bool(_NEXT.fullmatch(between) or _THAT_OF.search(between))
            same = near and len(between) < _SAME and _may_be(text, quantity, last[1])
            metric = last[1] if same else None
        if metric is None and quantity.unit == "eV":
            metric = energy
        if metric and not _is_conversion(text, found, place):
            yield from ((quantity, name) for name in shared or [metric])
        last = (quantity, metric) if metric is not None else last


def _in_order(
    text: str, found: Sequence[PrintedQuantity], place: int
) -> tuple[PrintedQuantity, str] | None:
    """Return a value of a list, with its metric, if as many names are in a list beside it.

    "SET/RESET voltages of 1 V/−2 V", "the set (reset) voltage is 1 V (−2 V)", "endurance and
    retention are 9 cycles and 10⁴ s", "1 V and −2 V as write and erase pulses".
    """
    spans = [(one.start, one.end) for one in found]
    values = next(run for run in lists(text, spans, _VALUES_SIGN) if spans[place] in run)
    if len(values) < 2:
        return None
    own = [found[spans.index(span)] for span in values]
    first, last = values[0][0], values[-1][1]
    for start, end in ((max(0, first - _ALONE), first), (last, last + _ALONE)):
        named = _names_between(text, start, end, {one.unit for one in own} | {"1"})
        for run in lists(text, sorted(named), _NAMES_SIGN):
            if len(run) != len(values) or len({named[span].name for span in run}) < 2:
                continue
            units = [named[span].unit for span in run]
            at = values.index(spans[place])
            if all(one.unit == unit or (one.bare and unit == "1")
                   for one, unit in zip(own, units, strict=True)):  # fmt: skip
                quantity, name = own[at], named[run[at]].name
                if units[at] != quantity.unit:
                    quantity = replace(quantity, unit="1", ends=(quantity.bare,) * 2)
                return (quantity, name) if _may_be(text, quantity, name) else None
    return None


def _shared(text: str, quantity: PrintedQuantity, metric: str) -> list[str]:
    """Return the metrics of a value that several names share: "C2C and D2D variations are 2 %"."""
    start = quantity.start
    named = _names_between(text, max(0, start - _ALONE), start, {quantity.unit})
    for run in lists(text, sorted(named), _NAMES_SIGN):
        names = [*dict.fromkeys(named[span].name for span in run)]
        if metric in names[1:] and _is_linked(text[run[-1][1] : start]):
            return names
    return []


def _is_linked(between: str) -> bool:
    return bool(_LINKED.fullmatch(_INSERTED.sub("", between)))


def _may_be(text: str, quantity: PrintedQuantity, metric: str) -> bool:
    return any(one.name == metric and _accepts(one, text, quantity) for one in metric_words())


def _accepts(entry: MetricWords, text: str, quantity: PrintedQuantity) -> bool:
    """Whether a quantity has the unit and the size of a metric, and no word that excludes it."""
    return (
        entry.unit == quantity.unit
        and entry.least <= abs(quantity.high) <= entry.most
        and not (entry.printed and not entry.printed.fullmatch(quantity.printed_unit))
        and not (entry.never and entry.never.search(_phrase_around(text, quantity)))
    )


def _names_between(text: str, start: int, end: int, units: Set[str]) -> dict[Span, MetricWords]:
    """Return the words of metrics in some units in a part of a text, none within another."""
    named: dict[Span, MetricWords] = {}
    for entry in (one for one in metric_words() if one.unit in units):
        for match in entry.near.finditer(text, start, end):
            first, last = match.span()
            if not _PREPOSITION.fullmatch(match[0]) and not any(
                one[0] <= first and last <= one[1] for one in named
            ):
                named = {one: own for one, own in named.items() if one[0] < first or last < one[1]}
                named[first, last] = entry
    return named


def _metric(
    text: str,
    quantity: PrintedQuantity,
    others: Sequence[PrintedQuantity],
    entries: Sequence[MetricWords],
) -> str | None:
    """Return the metric whose word is nearest to a quantity, '' for none, None if no word is."""
    best, cost = None, float("inf")
    blocks = [other for other in others if other.unit == quantity.unit and other is not quantity]
    for entry in entries:
        if not _accepts(entry, text, quantity) or (
            entry.beside and not _has_figure(text, others, entry.unit)
        ):
            continue
        own = _ALONE if entry.alone else float("inf")
        for match in entry.near.finditer(text, max(0, quantity.start - _FAR), quantity.end + 200):
            away = _distance(text, quantity, match, blocks)
            if away <= entry.limit:
                own = min(own, away - entry.bonus)
        if own < cost:
            best, cost = entry.name, own
    return best


def _has_figure(text: str, found: Sequence[PrintedQuantity], unit: str) -> bool:
    """Whether a sentence has a value of another unit that a metric's own words are near."""
    entries = [entry for entry in metric_words() if not entry.beside]
    return any(_metric(text, one, found, entries) for one in found if one.unit != unit)


def _phrase_around(text: str, quantity: PrintedQuantity) -> str:
    """Return a quantity with the words of its phrase, at most sixty characters before it."""
    before = re.split(r"[(),;]", text[max(0, quantity.start - 60) : quantity.start])[-1]
    behind = re.split(r"[(),;]", text[quantity.end : quantity.end + 40])[0]
    return before + text[quantity.start : quantity.end] + behind


def _distance(
    text: str, quantity: PrintedQuantity, word: re.Match[str], blocks: Iterable[PrintedQuantity]
) -> float:
    """Return the distance of a word from a quantity: characters, more where others lie between."""
    if word.end() <= quantity.start:
        between, cost = text[word.end() : quantity.start], 0.0
        if _is_linked(between):
            return _LINK * len(between)
    elif word.start() >= quantity.end:
        between, cost = text[quantity.end : word.start()], _BEHIND
        if not between.strip() and _PER.match(word[0]):
            return _UNIT
        cost += _ALONE if _ANOTHER.search(between) else 0
        if _IN_BRACKETS.fullmatch(between) and text[word.end() : word.end() + 1] in (")", "]"):
            return _NAME
    else:
        # "bending cycles", but neither what is counted nor the sign in front: "over 100 pulses"
        decides = word.end() < quantity.end and not _PREPOSITION.fullmatch(word[0])
        return _UNIT if decides else 0
    cost += _CLAUSE * len(_CLAUSES.findall(between)) + _MEMBER * len(_MEMBERS.findall(between))
    first, last = sorted((word.start(), quantity.start))
    cost += _CLAUSE * sum(first <= block.start < last for block in blocks)
    return len(between) + cost


def _is_conversion(text: str, found: Sequence[PrintedQuantity], place: int) -> bool:
    """Whether the next quantity is the same in another unit, in brackets."""
    if place + 1 == len(found):
        return False
    this, other = found[place], found[place + 1]
    return (
        this.unit == other.unit
        and text[this.end : other.start].strip() == "("
        and abs(this.low - other.low) < 0.05 * abs(this.low)
    )
