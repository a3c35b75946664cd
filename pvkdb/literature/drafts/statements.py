"""Statements of a paper: quantities of its sentences, each with what it measures and of what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Literal

from pvkdb.literature.device_entries import stability_doubt
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
from pvkdb.literature.drafts.quantities import LIST_SIGN, PrintedQuantity, lists, quantities
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
#: Cost of a unit that says what is measured, where no word is near.
_ALONE = 160
#: Distance within which a quantity is of the metric of the one before it.
_SAME = 130
#: Cost of a clause's end between a word and a number, and of a word behind a number.
_CLAUSE, _BEHIND = 30, 8
_CLAUSES = re.compile(
    r";|, (?:while|whereas|but|which|with|and|resulting|reduced|indicating)\b|\bwhile\b|\bwhereas\b"
)
#: A device of another composition than the one before: "the chloride-alloyed device".
_ALTERED = re.compile(
    r"\b\w+[- ](?:alloyed|doped|substituted|incorporated|modified|treated|added)[- ]"
    r"(?:\w+ )?(?:devices?|memristors?|cells?|films?|samples?|ones?|memory|memories)\b",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(r"(?:1\.?\s*)?Introduction\b")
_OWN = re.compile(r"\b(?:here(?:in)?|in this (?:work|study|paper|letter)|we)\b", re.IGNORECASE)
_THAT_OF = re.compile(r"\b(?:that|those) (?:of|for|in)\b")


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
    for sentence in document.sentences:
        if sentence.paragraph != paragraph:
            subject, stack, energy, paragraph = only, "", "", sentence.paragraph
        text = sentence.text
        if _INTRODUCTION.match(text):
            introduction = sentence.place
        if sentence.place != introduction or _OWN.search(text):
            introduction = ""
        others = "it is in the introduction" if introduction else ""
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
            doubt.get("of", metric) == metric
            and compared
            and not materials_in(compared[0], {})
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
    if quantity.unit == "orders":
        low, high = 10.0**low, 10.0**high
    short = stability_doubt(low, quantity.ends[0]) if metric == "stability_days" else ""
    return FoundValue(
        *(metric, unit, low, high, quantity.sign, printed, quantity.text),
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
    for place, quantity in enumerate(found):
        metric = _in_order(text, found, place) or _metric(text, quantity, found)
        if metric is None and last and last[0].unit == quantity.unit:
            between = text[last[0].end : quantity.start]
            near = quantity.unit != "1" and "=" not in between
            near = near or bool(LIST_SIGN.fullmatch(between) or _THAT_OF.search(between))
            metric = last[1] if near and len(between) < _SAME else None
        if metric is None and quantity.unit == "eV":
            metric = energy
        if metric and not _is_conversion(text, found, place):
            yield quantity, metric
        last = (quantity, metric) if metric is not None else last


def _in_order(text: str, found: Sequence[PrintedQuantity], place: int) -> str | None:
    """Return the metric of a value of a list behind a list of as many names.

    "SET/RESET voltages of 1 V/−2 V", "the endurance and the retention are 9 cycles and 10⁴ s".
    """
    spans = [(one.start, one.end) for one in found]
    values = next(run for run in lists(text, spans) if spans[place] in run)
    first = values[0][0]
    units = [found[spans.index(span)].unit for span in values]
    named: dict[tuple[int, int], MetricWords] = {}
    for entry in (one for one in metric_words() if len(values) > 1 and one.unit in units):
        for match in entry.near.finditer(text, max(0, first - _ALONE), first):
            start, end = match.span()
            if not any(one[0] <= start and end <= one[1] for one in named):
                named = {one: own for one, own in named.items() if one[0] < start or end < one[1]}
                named[start, end] = entry
    for run in lists(text, sorted(named)):
        if len(run) == len(values) and [named[span].unit for span in run] == units:
            return named[run[values.index(spans[place])]].name
    return None


def _metric(text: str, quantity: PrintedQuantity, others: Iterable[PrintedQuantity]) -> str | None:
    """Return the metric whose word is nearest to a quantity, '' for none, None if no word is."""
    best, cost = None, float("inf")
    blocks = [other for other in others if other.unit == quantity.unit and other is not quantity]
    for entry in metric_words():
        if entry.unit != quantity.unit or not entry.least <= abs(quantity.high) <= entry.most:
            continue
        if entry.never and entry.never.search(_phrase_around(text, quantity)):
            continue
        own = _ALONE if entry.alone else float("inf")
        for match in entry.near.finditer(text, max(0, quantity.start - 300), quantity.end + 200):
            away = _distance(text, quantity, match, blocks)
            if away <= entry.limit:
                own = min(own, away - entry.bonus)
        if own < cost:
            best, cost = entry.name, own
    return best


def _phrase_around(text: str, quantity: PrintedQuantity) -> str:
    """Return a quantity with the words of its phrase, at most forty characters on either side."""
    before = re.split(r"[(),;]", text[max(0, quantity.start - 40) : quantity.start])[-1]
    behind = re.split(r"[(),;]", text[quantity.end : quantity.end + 40])[0]
    return before + text[quantity.start : quantity.end] + behind


def _distance(
    text: str, quantity: PrintedQuantity, word: re.Match[str], blocks: Iterable[PrintedQuantity]
) -> float:
    """Return the characters between a word and a quantity, and what clauses between them cost."""
    if word.end() <= quantity.start:
        first, last, cost = word.end(), quantity.start, 0
    elif word.start() >= quantity.end:
        first, last, cost = quantity.end, word.start(), _BEHIND
    else:
        return 0  # part of the unit: "bending cycles"
    between = text[first:last]
    cost += _CLAUSE * len(_CLAUSES.findall(between))
    cost += _CLAUSE * sum(first <= block.start < last for block in blocks)
    return last - first + cost


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
