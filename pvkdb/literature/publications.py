"""Publications of an import: found in the bibliography, or added to it, each once."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.literature.cells import Cells
from pvkdb.literature.entries import normal_doi, reference_row
from pvkdb.literature.reading import Record
from pvkdb.schemas.imports import Action
from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.recording import reference_model
from pvkdb.store.references import Reference


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a publication."""

    action: Action
    key: str
    summary: str


class Publications:
    """The bibliography as an import sees it; remembers the paper whose rows are being read."""

    def __init__(self, session: Session, version: str) -> None:
        self._session = session
        self._version = version
        #: File and YAML document of the paper at hand, and its key.
        self._paper: tuple[str, int, str] | None = None
        self._known: set[str] = set()

    def take(self, record: Record, cells: Cells) -> Found | None:
        """Find or add a publication; None where its cells cannot be used."""
        row = reference_row(cells)
        if cells.problems:
            return None
        held = self._held(cells, row)
        if cells.problems:
            return None
        if held is not None:
            found = Found("already there", held.key, _summary(held))
        else:
            row = row.model_copy(update={"key": row.key or self._new_key(row)})
            added = reference_model(row)
            added.recorded_in = self._version
            self._session.add(added)
            self._session.flush()
            found = Found("add", row.key, _summary(row))
        if record.is_paper:
            self._paper = (record.file, record.document, found.key)
        return found

    def keys(self, record: Record, cells: Cells) -> str:
        """The keys of a row's publications, from keys and DOIs, or those of the paper at hand."""
        written = (cells.text("references") or "").split()
        if not written and self._paper and self._paper[:2] == (record.file, record.document):
            return self._paper[2]
        if not written:
            remedy = "give the key of a reference, e.g. r36, or its DOI"
            if record.lines:
                remedy += "; in YAML, write the paper's 'reference' above its rows"
            cells.complain("references", f"is empty, so that the row has no source; {remedy}")
        keys = [self._key(cells, name) for name in written]
        return " ".join(dict.fromkeys(key for key in keys if key))

    def _key(self, cells: Cells, name: str) -> str | None:
        if name in self._known:
            return name
        statement = select(Reference.key).where(Reference.key == name)
        if "/" in name:
            try:
                statement = select(Reference.key).where(Reference.doi == normal_doi(name))
            except InputError as error:
                cells.complain("references", f"{name!r} {error}")
                return None
        key: str | None = self._session.scalar(statement)
        if key is None:
            cells.complain(
                "references",
                f"the bibliography has no {name!r}; add the paper to the import, as 'reference' "
                "in YAML or in a file references.csv",
            )
        elif len(self._known) < 10_000:
            self._known.add(key)
        return key

    def _held(self, cells: Cells, row: ReferencesRow) -> Reference | None:
        """The same publication in the bibliography: by DOI, by key, or by title and year."""
        same_doi = select(Reference).where(Reference.doi == row.doi)
        held = self._session.scalar(same_doi) if row.doi else None
        if held is None and row.key:
            held = self._session.get(Reference, row.key)
            if held is not None and _words(held.title) != _words(row.title):
                cells.complain("key", f"belongs to another publication: {_summary(held)}")
                return None
        if held is None:
            same_year = select(Reference).where(Reference.year == row.year)
            for candidate in self._session.scalars(same_year):
                both_doi = candidate.doi and row.doi and candidate.doi != row.doi
                if _words(candidate.title) == _words(row.title) and not both_doi:
                    return candidate
        return held

    def _new_key(self, row: ReferencesRow) -> str:
        """``zhang2026``, or ``zhang2026b`` where that is taken."""
        first = (row.authors or "").split(";")[0].split(",")[0]
        family = "".join(re.findall("[a-z]+", _plain(first.split()[-1] if first.split() else "")))
        base = f"{family or 'paper'}{row.year}"
        for letter in " bcdefghijklmnopqrstuvwxyz":
            key = f"{base}{letter.strip()}"
            if self._session.get(Reference, key) is None:
                return key
        raise InputError(f"every key from {base} to {base}z is taken; give the paper a 'key'")


def _plain(text: str) -> str:
    """Lower case without accents: Müller is muller."""
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in split if not unicodedata.combining(sign))


def _words(title: str | None) -> str:
    """A title as it is compared: letters and digits only."""
    return "".join(sign for sign in _plain(title or "") if sign.isalnum())


def _summary(reference: Reference | ReferencesRow) -> str:
    authors = (reference.authors or "").split(";")
    names = authors[0].strip() + (" et al." if len(authors) > 1 else "")
    title = reference.title or ""
    short = title if len(title) <= 60 else title[:57].rstrip() + "…"
    return f"{names} {reference.year or ''}: {short}"
