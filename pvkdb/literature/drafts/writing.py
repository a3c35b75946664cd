"""Drafts: the values found in a paper as rows of an import, which a person confirms one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from pvkdb.errors import InputError
from pvkdb.literature.cells import UNCONFIRMED
from pvkdb.literature.drafts.documents import Document
from pvkdb.literature.drafts.naming import formula_in
from pvkdb.literature.drafts.statements import ENERGIES, STACK, FoundValue
from pvkdb.literature.drafts.words import condition_fields, condition_words
from pvkdb.schemas.metrics import FIGURES, TABLE_METRICS
from pvkdb.store.rows.stacks import split_structure

#: Most values of a draft, more than a person confirms.
MAX_VALUES = 5000
_HEAD = """\
# Draft of {name} by pvkdb draft: proposals, none of them confirmed.
# Compare each value with the sentence above it: remove the '{mark}' in front of what is right,
# correct or delete what is wrong, fill in what is '?' alone. Fields: pvkdb import --template. Then:
#   pvkdb import {target} --dry-run    refuses what is not confirmed, and shows what would change
"""
#: The field of an import by the metric of a device that it takes.
_FIELDS = {name: table.imported_as for name, (_, table) in TABLE_METRICS.items()}
_FIELDS |= {metric.reported_as or "": name for name, metric in FIGURES.items()}
#: Metrics of which an import takes a best value.
_BEST = ("on_off_ratio", "retention_s", "stability_days")
#: Fields of a reference, in their order.
REFERENCE = ("doi", "authors", "title", "journal", "year", "volume", "pages")
#: Conditions that make a row of a device even where the text has no measured value.
_OF_TESTS = ("pulse_width", "pulse_voltage", "read_voltage", "compliance", "thickness")
_METHODS = {
    "DFT": r"\bDFT\b|density functional|first[- ]principles?|ab initio",
    "experiment": r"experiment|measured|Arrhenius|impedance|spectroscop",
}


@dataclass(slots=True)
class DraftRow:
    """A row of an import: its cells, and the value that each cell was found in."""

    table: str
    cells: dict[str, str]
    found: dict[str, FoundValue] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """What a paper seems to report.

    ``further`` are figures that no field of an import takes, and conditions of no certain row.
    """

    name: str
    reference: dict[str, str]
    rows: list[DraftRow]
    further: list[FoundValue]
    #: What a language model did, if one was asked.
    note: str = ""
    #: The text of the paper, in which the spans of the values are places.
    text: str = ""


def draft_of(document: Document, values: Iterable[FoundValue]) -> Draft:
    """Return the draft of a document; values of one device in one paragraph share a row.

    Raises:
        InputError: there are more values than a person would confirm.
    """
    draft = Draft(document.name, dict(document.reference), [], [], text=document.text)
    conditions, stacks = [], []
    for number, value in enumerate(values):
        if number >= MAX_VALUES:
            reason = f"{document.name} states more than {MAX_VALUES:,} values; give a part of it"
            raise InputError(reason)
        if reason := value.asked or _cannot_hold(value):
            draft.further.append(replace(value, asked=reason))
        elif value.metric in ENERGIES:
            draft.rows.append(DraftRow("energetics", _energy(value), {"value": value}))
        elif value.metric == STACK:
            stacks.append(value)
        elif column := _FIELDS.get(value.metric):
            _row_for(draft, value, column).found[column] = value
        elif value.metric in condition_fields():
            conditions.append(value)
        else:
            draft.further.append(value)
    have = {row.cells.get(STACK) for row in draft.rows}
    for value in stacks:
        if value.stack not in have:  # a device whose figures a person fills in
            have.add(value.stack)
            _row_for(draft, value, STACK).found[STACK] = value
    for value in conditions:
        _add_condition(draft, value)
    for row in draft.rows:
        if row.table == "devices":
            row.cells |= _device_cells(row)
            figures = (one for one in row.found.items() if one[0] != STACK)
            row.cells["as_printed"] = "; ".join(f"{name} {one.printed}" for name, one in figures)
    return draft


def _cannot_hold(value: FoundValue) -> str:
    """Return why the table ``devices`` has no room for a value; '' if it has."""
    if value.metric not in TABLE_METRICS:
        return ""
    if value.sign == "<":
        return "the table holds no upper bound"
    is_range = TABLE_METRICS[value.metric][1].high is None and value.low != value.high
    return "the table holds one value; give the end that was shown to last" if is_range else ""


def _row_for(draft: Draft, value: FoundValue, column: str) -> DraftRow:
    """Return the last row if it is of the same device and has no such figure, or a new one."""
    last = draft.rows[-1] if draft.rows else None
    if last is not None and last.table == "devices" and column not in last.found:
        before = next(iter(last.found.values()))
        same = (value.paragraph, value.stack) == (before.paragraph, before.stack)
        if same and (value.stack or value.subject == before.subject):
            return last
    cells = {STACK: value.stack, "absorber": value.subject}
    layers = [layer for layer in split_structure(value.stack) if formula_in(layer)]
    if layers:
        cells |= {"absorber": layers[0]}
        if (formula := formula_in(layers[0])) != layers[0]:
            cells["material"] = formula
    row = DraftRow("devices", cells | {"source": place_of(value)})
    draft.rows.append(row)
    return row


def _add_condition(draft: Draft, value: FoundValue) -> None:
    """Add a condition to the row of its paragraph or sentence and device, or of the only device."""
    field_name = condition_fields()[value.metric]
    rows = [row for row in draft.rows if row.table == "devices"]
    if not draft.rows and field_name in _OF_TESTS:
        _row_for(draft, value, field_name)
        rows = draft.rows
    if len(rows) > 1:
        about = value.paragraph, value.stack
        firsts = [(row, next(iter(row.found.values()))) for row in rows]
        one_device = len({(one.stack, one.subject) for _, one in firsts}) == 1
        near = [row for row, first in firsts if (first.paragraph, first.stack) == about]
        rows = near or (rows[:1] if one_device else [])
    if len(rows) > 1:  # that of the last value in front of it, of its sentence or its device
        values = [(one, row) for row in rows for one in row.found.values()]
        ahead = [
            pair
            for pair in values
            if (one_device or value.start == pair[0].start) and pair[0].span < value.span
        ]
        firsts_of_one = rows[:1] if one_device else []
        rows = [max(ahead, key=lambda pair: pair[0].span)[1]] if ahead else firsts_of_one
    one_value = value.low == value.high and value.sign in ("", "~", "±")
    if one_value and len(rows) == 1 and field_name not in rows[0].found:
        rows[0].found[field_name] = value
    else:
        draft.further.append(value)


def _device_cells(row: DraftRow) -> dict[str, str]:
    """Return the cells of what was found of a device, with the words beside the figures."""
    cells: dict[str, str] = {}
    for column, value in row.found.items():
        cells[column] = cell(value)
        for words in condition_words():
            if value.metric in words.beside and (said := words.said(value.sentence)):
                cells.setdefault(words.field, said)
    return cells


def _energy(value: FoundValue) -> dict[str, str]:
    methods = (name for name, words in _METHODS.items() if re.search(words, value.sentence, re.I))
    return {
        "material": value.subject,
        "defect": value.defect,
        "quantity": value.metric,
        "value": cell(value),
        "method": next(methods, "unknown"),
        "source": place_of(value),
        "as_printed": value.printed,
    }


def cell(value: FoundValue) -> str:
    """Return a value as a cell of an import has it: in the unit of the paper."""
    single = value.low == value.high
    if value.sign == "~" or (value.sign in (">", "<") and single):
        return value.sign + value.text
    best = value.sign == "up to" and single and value.metric in _BEST
    return f"up to {value.text}" if best else value.text


def place_of(value: FoundValue) -> str:
    """Return where a value is: its section, caption or table row, and its page if known."""
    return value.place + (f", page {value.page}" if value.page else "")


def draft_yaml(draft: Draft, target: str = "draft.yaml") -> str:
    """Return a draft as the text of an import file, in which every proposal is unconfirmed."""
    return "\n".join([*_lines(draft, target), ""])


def _lines(draft: Draft, target: str) -> Iterator[str]:
    yield from _HEAD.format(name=draft.name, mark=UNCONFIRMED, target=target).splitlines()
    yield "reference:"
    for name in REFERENCE:
        text = draft.reference.get(name, "")
        if text or name in ("authors", "title", "year"):
            yield f"  {name}: {_marked(text)}"
    for table in ("energetics", "devices"):
        rows = [row for row in draft.rows if row.table == table]
        yield from ("", f"{table}:") if rows else ()
        for row in rows:
            first = next(iter(row.found.values()))
            sentence, lead = first.sentence, "  - "
            yield f"  # {place_of(first)}: {sentence}"
            for name, text in row.cells.items():
                value = row.found.get(name, first)
                doubt = value.doubt if name in row.found else ""
                if name in row.found and value.sentence != sentence:
                    sentence = value.sentence
                    yield f"    # {place_of(value)}: {sentence}"
                is_place = name == "source"
                shown = json.dumps(text, ensure_ascii=False) if is_place else _marked(text)
                note = f"  # doubt: {doubt}" if doubt else ""
                if name in row.found and value.proposed_by != "rules":
                    note += f"  # proposed by the {value.proposed_by}"
                yield f"{lead}{name}: {shown}{note}"
                lead = "    "
    if draft.further:
        yield from ("", "# Not proposed: of no certain row, without a field, or doubtful:")
    for value in draft.further:
        name = condition_fields().get(value.metric, value.metric)
        ends = dict.fromkeys(f"{end:g}" for end in (value.low, value.high))
        sign = f"{value.sign} " if value.sign else ""
        why = f" ({value.asked})" if value.asked else ""
        yield f"#   {name} {sign}{' to '.join(ends)} ({value.printed}), {place_of(value)}{why}:"
        yield f"#     {value.sentence}"


def _marked(text: str) -> str:
    return json.dumps((UNCONFIRMED + text).strip(), ensure_ascii=False)
