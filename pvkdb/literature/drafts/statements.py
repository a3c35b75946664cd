"""Statements of a paper: quantities of its sentences, each with what it measures and of what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import Any, Literal

from pvkdb.chemistry.composition import parse_material
from pvkdb.chemistry.ions import elements, names
from pvkdb.errors import InputError
from pvkdb.literature.device_entries import stability_doubt
from pvkdb.literature.drafts.documents import BETWEEN_CELLS, Document, PrintedTable, Sentence
from pvkdb.literature.drafts.quantities import PrintedQuantity, quantities
from pvkdb.literature.drafts.words import MetricWords, metric_words
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
_SETS = re.compile(
    r"\b(?:V_?)?(set|reset)(?: voltages?)?\s?(?:/|and)\s?(?:V_?)?(set|reset)\b", re.I
)
#: What says that a value is not one of the paper's own devices.
_COMPARED = re.compile(
    r"\b(?:than|compared (?:with|to)|in contrast to|instead of|rather than|unlike|previous(?:ly)?|"
    r"in line with|consistent with|in agreement with|comparable (?:to|with)|similar to)\b"
    r"(?:(?! and )[^,;]){0,80}$",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\b(?:have|has) been reported\b|\bet al\b|\b(?:should|must)\b|"
    r"\b(?:is|are) (?:\w+ )?(?:required|necessary|essential|desirable|desired|needed)\b|"
    r"\brequirements?\b|\brequires? (?:an? )?(?:high|low|long|short|fast)",
    re.IGNORECASE,
)
_CITED = re.compile(r"[)\w@°.\s]{0,12}?\[\d{1,3}[\],–-]")
_SPREAD = re.compile(
    r"(?:deviation|error|uncertainty|σ)s?(?: of| is| was|s? =)?\s*$", re.IGNORECASE
)
_PREDICTED = re.compile(
    r"\b(?:extrapolat|project(?:ed|ion)|predict|expected|estimated)", re.IGNORECASE
)
#: A device of another composition than the one before: "the chloride-alloyed device".
_ALTERED = re.compile(
    r"\b\w+[- ](?:alloyed|doped|substituted|incorporated|modified|treated|added)[- ]"
    r"(?:\w+ )?(?:devices?|memristors?|cells?|films?|samples?|ones?|memory|memories)\b",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(r"(?:1\.?\s*)?Introduction\b")
_OWN = re.compile(r"\b(?:here(?:in)?|in this (?:work|study|paper|letter)|we)\b", re.IGNORECASE)
#: Between a value and the material behind it that it is of.
_FOR = re.compile(
    r"\)?(?: [\w-]+){0,6}? (?:for|in|of|from|with|on)(?: (?:the|an?))?(?: [\w-]+){0,2} "
)
_THAT_OF = re.compile(r"\b(?:that|those) (?:of|for|in)\b")
_AND = re.compile(r"(?:,| and|, and| or|/) ?")
#: Layers at the bottom of a stack, and a coated substrate: "ITO-PET".
_BOTTOM = re.compile(
    r"(?i:glass|quartz|sapphire|mica|PET|PEN|PDMS|polyimide|paper)|Si|PI|SiO2|"
    r"(?:ITO|FTO)(?:[- ]\w+)?|(?:PET|PEN|glass|Glass)[- ](?:ITO|FTO)"
)
_COATED = re.compile(r"(ITO|FTO)[- ](PET|PEN|glass|Glass)|(PET|PEN|glass|Glass)[- ](ITO|FTO)")
_STACK = re.compile(r"(?:[\w@:.()\[\]{}−–+-]{1,60}/){1,9}[\w@:.()\[\]{}−–+-]{1,60}")
_FORMULA = re.compile(r"[A-Z(\[{][\w()\[\]{}.−–+-]{2,80}")
_SHORT = re.compile(
    r"(?P<formula>[A-Z(\[{][\w()\[\]{}.−–+-]{2,80}) \((?P<short>[A-Z][A-Za-z]{2,7})\)"
)
_HALIDE = re.compile(
    r"(?:Pb|Sn|Bi|Sb|Cu|Ag|In|Ge|Mn|Cd|Zn|Fe|Ni|Co|Ca|Sr|Ba|Mg|Ti|Pt|Pd|Te|Hf|Zr|Tl|Au|Eu|Yb|B)[\d.()\[\]A-Z'x_a-z−–+-]*?(?:I|Br|Cl|X)(?![a-z])"
)
#: A halide of an organic ion that pvkdb does not know: (IFA)3PbI5.
_UNKNOWN_ION = re.compile(
    r"\([A-Za-z\d]{2,12}\)\d?(?:Pb|Sn|Bi|Sb|Cu|Ag|In|Ge)\d?(?:I|Br|Cl)\d{1,2}"
)
_IONS = {
    "iodide": "I",
    "bromide": "Br",
    "chloride": "Cl",
    "halide": "X",
    "iodine": "I",
    "bromine": "Br",
}
_DEFECT = re.compile(
    r"\bV(?:_(?P<vacancy>[A-Z][A-Za-z]{0,3})|(?P<site>I|Br|Cl|X|Pb|Sn|MA|FA|Cs))(?![A-Za-z])|\b(?P<interstitial>[A-Z][a-z]?[A-Z]?)_[Ii]\b|"
    r"\b(?P<of>iodide|bromide|chloride|halide|[A-Z][a-z]?)[ -]"
    r"(?P<kind>vacanc|interstitial|migration|ion)|"
    r"\b(?P<ion>[A-Z][A-Za-z]{0,2})\d?[⁺⁻][⁺⁻]?|\b(?P<any>ion(?:ic)? migration)"
)


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
    only = _only_material(document)
    short = _abbreviations(document)
    for sentence in document.sentences:
        if sentence.paragraph != paragraph:
            subject, stack, energy, paragraph = only, "", "", sentence.paragraph
        text = sentence.text
        if _INTRODUCTION.match(text):
            introduction = sentence.place
        if sentence.place != introduction or _OWN.search(text):
            introduction = ""
        others = "it is in the introduction" if introduction else ""
        spelled = [(match.start(), _spelled(match[0], short)) for match in _STACK.finditer(text)]
        stacks = [(at, name) for at, name in spelled if is_stack(name)]
        materials = _materials(text, short)
        if _ALTERED.search(text):
            subject = stack = ""
        measured = list(_measured(text, energy))
        for quantity, metric in measured:
            at = quantity.start
            found = found_value(quantity, metric, sentence, text[at : quantity.end])
            about = _whose(text, quantity, [one for one, _ in measured], materials, subject)
            # The stack of an earlier sentence is not that of another material.
            kept = "" if stacks or (materials and about not in stack) else stack
            own = _whose(text, quantity, [one for one, _ in measured], stacks, kept)
            yield replace(
                found,
                subject=about,
                stack=upright(own),
                defect=defect_near(text, at) if metric in ENERGIES else "",
                asked=asked_because(text, quantity, metric) or others,
            )
            energy = metric if metric in ENERGIES else energy
        for at, name in stacks:
            yield _stack_value(sentence, at, name)
        if len({name for _, name in materials}) > 1:
            subject = only  # of which of them the next sentence is, is not known
        elif materials:
            subject = materials[0][1]
        stack = stacks[-1][1] if len(stacks) == 1 else "" if stacks else stack
    for table in document.tables:
        yield from _table_values(table)


def _spelled(stack: str, short: dict[str, str]) -> str:
    """Return a stack with the formulas of the short names of its layers."""
    return "/".join(short.get(layer, layer) for layer in split_structure(_bare(stack)))


def _only_material(document: Document) -> str:
    """Return the material of a document that names one only; '' if it names none or several."""
    texts = [sentence.text for sentence in document.sentences]
    texts += [cell for table in document.tables for row in table.rows for cell in row]
    named = (_named(_FORMULA, is_halide, text) for text in texts)
    names = {parse_material(name)[0].formula: name for found in named for _, name in found}
    return next(iter(names.values())) if len(names) == 1 else ""


def _abbreviations(document: Document) -> dict[str, str]:
    """Return the formulas that a document gives short names: "(CH3NH3)3Bi2I9 (MABI)"."""
    found = (_SHORT.finditer(sentence.text) for sentence in document.sentences)
    pairs = ((match["short"], _bare(match["formula"])) for one in found for match in one)
    return {short: formula for short, formula in pairs if is_halide(formula)}


def _materials(text: str, short: dict[str, str]) -> list[tuple[int, str]]:
    """Return the halides that a sentence names, by their formulas, with their places."""
    named = dict(_named(_FORMULA, is_halide, text))
    for name, formula in short.items():
        named |= {match.start(): formula for match in re.finditer(rf"\b{name}\b", text)}
    return sorted(named.items())


def _stack_value(sentence: Sentence, at: int, name: str) -> FoundValue:
    """Return a stack as a value of its own, for a device whose figures are elsewhere."""
    first = sentence.start + at
    return FoundValue(
        metric=STACK,
        unit="",
        low=0.0,
        high=0.0,
        sign="",
        printed=name,
        text=upright(name),
        sentence=sentence.text,
        place=sentence.place,
        page=sentence.page,
        paragraph=sentence.paragraph,
        start=sentence.start,
        span=(first, first + len(name)),
        stack=upright(name),
    )


def _whose(
    text: str,
    quantity: PrintedQuantity,
    measured: Sequence[PrintedQuantity],
    named: Sequence[tuple[int, str]],
    earlier: str,
) -> str:
    """Return the material or stack of a value; '' where the sentence does not say whose it is.

    "200 ps for MAPbI3" has its material behind it. Values and materials with "respectively" are
    paired in their order. Otherwise it is the last one in front of the value.
    """
    rows = _lists(text, [(at, at + len(name)) for at, name in named])
    alone = {row[0][0] for row in rows if len(row) == 1}
    names = dict(named)
    if "respectively" in text:
        spans = [(one.start, one.end) for one in measured if one.unit == quantity.unit]
        for run in _lists(text, spans):
            places = [start for start, _ in run]
            for row in rows:
                if len(run) == len(row) > 1 and quantity.start in places:
                    return names[row[places.index(quantity.start)][0]]
    behind = next((at for at in names if at >= quantity.end), None)
    if behind is not None and _FOR.fullmatch(text[quantity.end : behind]):
        return names[behind] if behind in alone else ""
    before = [at for at in names if at <= quantity.start]
    if before and before[-1] not in alone:
        return ""
    return _nearest(named, quantity.start, earlier)


def asked_because(text: str, quantity: PrintedQuantity, metric: str) -> str:
    """Return why a value may not be one of the paper's own devices; '' if it seems to be."""
    before = text[max(0, quantity.start - 100) : quantity.start]
    if before.rstrip().endswith("from") and re.match(r"\s?to\b", text[quantity.end :]):
        return "it is what was before a change"
    compared = _COMPARED.search(before)
    if compared and not _named(_FORMULA, is_halide, compared[0]):
        return "it is what something is compared with"
    if _CITED.match(text, quantity.end):
        return "it is cited from another paper"
    if _SPREAD.search(before):
        return "it is a spread"
    if _OTHERS.search(text):
        return "its sentence tells of others or of what is required"
    if metric == "retention_s" and _PREDICTED.search(text):
        return "it is extrapolated; give the length of the test"
    return ""


def _lists(text: str, spans: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Return spans of a text in lists, within which only commas and "and" separate them."""
    lists: list[list[tuple[int, int]]] = []
    for span in spans:
        if lists and _AND.fullmatch(text[lists[-1][-1][1] : span[0]]):
            lists[-1].append(span)
        else:
            lists.append([span])
    return lists


def upright(stack: str) -> str:
    """Return a stack from the bottom to the top, if one end is a substrate or its electrode."""
    layers = split_structure(stack)
    if len(layers) > 1 and _BOTTOM.fullmatch(layers[-1]) and not _BOTTOM.fullmatch(layers[0]):
        layers.reverse()
    if layers and (joined := _COATED.fullmatch(layers[0])):
        layers[0] = "/".join(filter(None, (joined[2] or joined[3], joined[1] or joined[4])))
    return "/".join(layers)


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
        metric=metric,
        unit=unit,
        low=low,
        high=high,
        sign=quantity.sign,
        printed=printed,
        text=quantity.text,
        sentence=sentence.text,
        place=sentence.place,
        page=sentence.page,
        paragraph=sentence.paragraph,
        start=sentence.start,
        span=(sentence.start + quantity.start, sentence.start + quantity.end),
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
        metric = _pair(text, found, place) or _in_order(text, found, place)
        metric = metric or _metric(text, quantity, found)
        if metric is None and last and last[0].unit == quantity.unit:
            between = text[last[0].end : quantity.start]
            near = quantity.unit != "1" or _AND.fullmatch(between) or _THAT_OF.search(between)
            metric = last[1] if near and len(between) < _SAME else None
        if metric is None and quantity.unit == "eV":
            metric = energy
        if metric and not _is_conversion(text, found, place):
            yield quantity, metric
        last = (quantity, metric) if metric is not None else last


def _pair(text: str, found: Sequence[PrintedQuantity], place: int) -> str | None:
    """Return the metric of one of two voltages behind both names: "SET/RESET of 1 V/−2 V"."""
    for first in (place, place - 1):
        two = found[max(first, 0) : first + 2]
        if len(two) < 2 or {one.unit for one in two} != {"V"}:
            continue
        joined = text[two[0].end : two[1].start].strip(" ,") in ("/", "and")
        names = _SETS.search(text, max(0, two[0].start - _ALONE), two[0].start)
        if joined and names:
            return f"v_{names[1 + place - first].lower()}_v"
    return None


def _in_order(text: str, found: Sequence[PrintedQuantity], place: int) -> str | None:
    """Return the metric of a value of a list behind a list of names: "…, respectively"."""
    if "respectively" not in text:
        return None
    spans = [(one.start, one.end) for one in found]
    values = next(run for run in _lists(text, spans) if spans[place] in run)
    first = values[0][0]
    named: dict[tuple[int, int], MetricWords] = {}
    for entry in metric_words():
        for match in entry.near.finditer(text, max(0, first - 250), first):
            if not any(one[0] <= match.start() and match.end() <= one[1] for one in named):
                inside = [one for one in named if match.start() <= one[0] and one[1] <= match.end()]
                for one in inside:
                    del named[one]
                named[match.span()] = entry
    units = [found[spans.index(span)].unit for span in values]
    for run in _lists(text, sorted(named)):
        if len(run) == len(values) > 1 and [named[span].unit for span in run] == units:
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


def _named(
    pattern: re.Pattern[str], test: Callable[[str], bool], text: str
) -> list[tuple[int, str]]:
    """Return the places of formulas or stacks in a text, with what they say."""
    found = ((match.start(), _bare(match[0])) for match in pattern.finditer(text))
    return [(start, name) for start, name in found if test(name)]


def _nearest(named: Sequence[tuple[int, str]], at: int, earlier: str) -> str:
    """Return the last name before a place, else an earlier sentence's, else the first one after.

    Behind a value is often what it is compared with.
    """
    before = [name for start, name in named if start <= at]
    return before[-1] if before else earlier or (named[0][1] if named else "")


def _bare(text: str) -> str:
    """Return a formula or a stack without the brackets and full stops around it."""
    text = text.strip(".,;:–-⁰¹²³⁴⁵⁶⁷⁸⁹")
    if text.count("(") > text.count(")"):
        return text.removeprefix("(")
    if ")" in text.partition("(")[0][:-1]:  # the end of a name: "…phthalate)-ITO/MAPbI3/Au"
        return _bare(text.partition(")")[2])
    if text.count("(") < text.count(")") or (text.startswith("(") and text.count("(") == 1):
        return text.removesuffix(")").removeprefix("(" if text.endswith(")") else "")
    return text


@lru_cache(4096)
def is_halide(text: str) -> bool:
    """Whether a text is the formula of a halide of pvkdb, and of one only: no MAPbX3."""
    if not _HALIDE.search(text) or not re.search(r"\d", text):  # MAPbBr has lost a number
        return False
    try:
        composition, _ = parse_material(text.strip(".,;:-–"))
    except InputError:
        return False
    return not any(occupant.ion.generic for occupant in composition.occupants)


@lru_cache(4096)
def is_stack(text: str) -> bool:
    """Whether a text is a stack with a halide between two other layers, also of an unknown ion."""
    inner = split_structure(text)[1:-1]
    return any(formula_in(layer) or _UNKNOWN_ION.fullmatch(layer) for layer in inner)


def formula_in(layer: str) -> str:
    """Return the formula of a halide in a layer such as ``CsPbBr3 quantum dots``; '' if none."""
    return next(filter(is_halide, [layer, *re.split(r"[\s@:]", layer)]), "")


def defect_near(text: str, at: int) -> str:
    """Return the label of the defect that a sentence names nearest to a place; '' if none."""
    best, away = "", float("inf")
    for match in _DEFECT.finditer(text):
        distance = at - match.end() if match.end() <= at else match.start() - at + _CLAUSE
        distance += 2 * _CLAUSE if match["any"] or match["ion"] else 0
        if distance < away and (label := _label(match)):
            best, away = label, distance
    return best


def _label(match: re.Match[str]) -> str:
    """Return the label of a defect, '' if what looks like one is none."""
    kind = match["kind"] or ""
    ion = match["vacancy"] or match["site"] or match["interstitial"] or match["of"] or match["ion"]
    if ion is None:
        return "ion"
    ion = _IONS.get(ion, ion)
    if ion not in ("X", "A", "B") and ion not in names() and ion not in elements():
        return ""
    if match["vacancy"] or match["site"] or kind == "vacanc":
        return f"V_{ion}"
    return f"{ion}_i" if match["interstitial"] or kind == "interstitial" else ion
