"""What rules propose for a paper, field by field, each with its place in the text of the paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pydantic import BaseModel

from pvkdb.literature.drafts.documents import read_document
from pvkdb.literature.drafts.statements import FoundValue, statements
from pvkdb.literature.drafts.writing import REFERENCE, DraftRow, draft_of, place_of
from pvkdb.schemas.imports import DeskCell, DeskRow
from pvkdb.store.curation.sources import Source

#: Characters before a figure within which the words of its other cells are looked for.
_BEFORE = 20_000


class Proposals(BaseModel):
    """The text of a paper, whose paragraphs end at empty lines, and the rows proposed for it."""

    name: str
    text: str
    rows: list[DeskRow]
    further: list[DeskCell]
    by: str | None = None


def proposals_of(source: Source) -> Proposals:
    """Return the text of a paper with what rules propose; the first row is its reference.

    Raises:
        InputError: the file cannot be read as text; names the reason and the remedy.
        MissingExtraError: pypdf or lxml is not installed.
    """
    document = read_document(source)
    draft = draft_of(document, statements(document))
    text = document.text
    about = [
        DeskCell(cell=f"reference.{name}", field=name, value=value, **_span(text, value))
        for name in REFERENCE
        if (value := draft.reference.get(name, ""))
    ]
    rows = [DeskRow(key="reference", table="references", cells=about)]
    numbers: Counter[str] = Counter()
    for row in draft.rows:
        numbers[row.table] += 1
        key, first = f"{row.table}-{numbers[row.table]}", next(iter(row.found.values()))
        cells = [*_cells(key, row, first, text)]
        rows.append(DeskRow(key=key, table=row.table, place=place_of(first), cells=cells))
    further = [_cell("", each.metric, each.printed, each) for each in draft.further]
    return Proposals(name=document.name, text=text, rows=rows, further=further)


def _cells(key: str, row: DraftRow, first: FoundValue, text: str) -> Iterator[DeskCell]:
    for name, value in row.cells.items():
        if name in ("source", "as_printed") or not value:
            continue  # what follows from the others
        if found := row.found.get(name):
            yield _cell(f"{key}.{name}", name, value, found)
        else:  # in the sentence of the figure, or in one before
            end = first.start + len(first.sentence)
            span = _span(text, value, first.start, end)
            before = max(0, first.start - _BEFORE)
            if not span and (at := text.rfind(value, before, first.start)) >= 0:
                span = {"start": at, "end": at + len(value)}
            cell = _cell(f"{key}.{name}", name, value, first)
            span = span or {"start": first.start, "end": end}
            yield cell.model_copy(update={"printed": "", "doubt": "", **span})


def _cell(cell: str, name: str, value: str, said: FoundValue) -> DeskCell:
    about = {"sentence": said.sentence, "printed": said.printed, "doubt": said.doubt or said.asked}
    start, end = said.span
    return DeskCell(cell=cell, field=name, value=value, start=start, end=end, **about)


def _span(text: str, said: str, start: int = 0, end: int | None = None) -> dict[str, int]:
    """Return where a part of the text says something; empty if it does not."""
    at = text.find(said, start, end)
    return {} if at < 0 else {"start": at, "end": at + len(said)}
