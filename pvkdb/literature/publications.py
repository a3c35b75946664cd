"""Publications of an import: found in the bibliography or added to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.literature.cells import Cells
from pvkdb.literature.entries import normal_doi, plain, reference_row, same_authors
from pvkdb.literature.reading import Record
from pvkdb.schemas.imports import Action
from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.models.references import Reference
from pvkdb.store.rows.to_models import reference_model


@dataclass(frozen=True, slots=True)
class FoundPublication:
    """A publication of the bibliography, and whether it was added."""

    action: Action
    key: str
    summary: str


class Publications:
    """The bibliography during an import, with the current paper."""

    def __init__(self, session: Session, version: str) -> None:
        self._session = session
        self._version = version
        #: YAML document of the current paper, and its key.
        self._paper: tuple[int, str] | None = None
        #: Keys by the names valid in this import: keys, DOIs, and keys that a file gives to an
        #: existing publication.
        self._names: dict[str, str] = {}
        self._by_title: dict[str, list[str]] = {}
        for key, title, doi in session.execute(
            select(Reference.key, Reference.title, Reference.doi)
        ):
            self._remember(key, title, doi)

    def forget_the_paper(self) -> None:
        """Forget the current paper; called at the beginning of a file."""
        self._paper = None

    def take(self, record: Record, cells: Cells) -> FoundPublication | None:
        """Return the publication of a record, added if it is new; None if its cells are wrong."""
        row = reference_row(cells)
        held = None if cells.problems else self._held(cells, row)
        self._check_names(cells, row, held)
        if cells.problems:
            return None
        if held is not None:
            found = FoundPublication("already there", held.key, _summary(held))
            for name in filter(None, (row.key, row.doi)):
                self._names.setdefault(name, held.key)
        else:
            row = row.model_copy(update={"key": row.key or self._new_key(row)})
            added = reference_model(row)
            added.recorded_in = self._version
            self._session.add(added)
            self._remember(row.key, row.title, row.doi)
            found = FoundPublication("add", row.key, _summary(row))
        if record.is_paper:
            self._paper = (record.document, found.key)
        return found

    def keys(self, record: Record, cells: Cells) -> str:
        """Return the keys of the publications of a row, from keys and DOIs or the current paper."""
        written = re.sub(r"(?i)\bdoi:\s*", "", cells.text("references") or "")
        names = [name for name in re.split(r"[\s,;]+", written) if name]
        if not names and self._paper and self._paper[0] == record.document:
            return self._paper[1]
        if not names:
            cells.complain(
                "references",
                "is empty, so that the row has no source; give the key of a reference, e.g. r36, "
                "or its DOI; in YAML, write the paper's 'reference' above its rows",
            )
        keys = [self._key(cells, name) for name in names]
        return " ".join(dict.fromkeys(key for key in keys if key))

    def _key(self, cells: Cells, name: str) -> str | None:
        wanted = name
        if "/" in name:
            try:
                wanted = normal_doi(name)
            except InputError as error:
                cells.complain("references", f"{name!r} {error}")
                return None
        key = self._names.get(wanted)
        if key is None:
            near = next((k for k in (f"r{name}", name.lower()) if k in self._names), None)
            hint = f"did you mean {near}? " if near else ""
            cells.complain(
                "references",
                f"the bibliography has no {name!r}; {hint}otherwise add the paper to the import, "
                "as 'reference' in YAML or in a CSV file of references",
            )
        return key

    def _remember(self, key: str, title: str | None, doi: str | None) -> None:
        self._names[key] = key
        if doi:
            self._names[doi] = key
        self._by_title.setdefault(_words(title), []).append(key)

    def _held(self, cells: Cells, row: ReferencesRow) -> Reference | None:
        """Return the known publication with the same DOI, key, or title and year; None if new."""
        self._session.flush()  # publications of this import are found too
        if row.doi and row.doi in self._names:
            held = self._session.get_one(Reference, self._names[row.doi])
            differs = [
                column
                for column, same in (
                    ("title", _words(held.title) == _words(row.title)),
                    ("year", held.year == row.year),
                )
                if not same
            ]
            if len(differs) == 2 or not same_authors(held.authors, row.authors):
                cells.complain("doi", f"belongs to another publication: {_summary(held)}")
            elif differs:
                cells.doubt(differs[0], f"differs from the publication of this DOI, {held.key}")
            return held
        if row.key and self._names.get(row.key) == row.key:
            held = self._session.get_one(Reference, row.key)
            if _words(held.title) != _words(row.title):
                cells.complain("key", f"belongs to another publication: {_summary(held)}")
            return held
        for key in self._by_title.get(_words(row.title), ()):
            candidate = self._session.get_one(Reference, key)
            both_doi = candidate.doi and row.doi and candidate.doi != row.doi
            if candidate.year == row.year and not both_doi:
                return candidate
            cells.doubt("title", f"is also that of {key} ({candidate.year}); is it the same paper?")
        return None

    @staticmethod
    def _check_names(cells: Cells, row: ReferencesRow, held: Reference | None) -> None:
        """Refuse keys and numbers that are reserved for references of the review."""
        if held is None and re.fullmatch(r"r\d+|web-.*", row.key or ""):
            cells.complain(
                "key", "has the form of the keys of pvkdb's own references; leave it out"
            )
        if row.number is not None and (held is None or held.number != row.number):
            cells.complain("number", "is the review's numbering of its references; leave it out")

    def _new_key(self, row: ReferencesRow) -> str:
        """Return a free key: ``zhang2026``, or ``zhang2026b`` if that is used."""
        first = (row.authors or "").split(";")[0].split(",")[0]
        family = "".join(re.findall("[a-z]+", plain(first.split()[-1] if first.split() else "")))
        base = f"{family or 'paper'}{row.year}"
        for letter in " bcdefghijklmnopqrstuvwxyz":
            key = f"{base}{letter.strip()}"
            if key not in self._names:
                return key
        raise InputError(f"every key from {base} to {base}z is taken; give the paper a 'key'")


def _words(title: str | None) -> str:
    """Return the letters and digits of a title, without mark-up, for comparison."""
    text = re.sub(r"</?[a-z]+>", "", title or "")
    return "".join(sign for sign in plain(text) if sign.isalnum())


def _summary(reference: Reference | ReferencesRow) -> str:
    authors = (reference.authors or "").split(";")
    names = authors[0].strip() + (" et al." if len(authors) > 1 else "")
    title = reference.title or ""
    short = title if len(title) <= 60 else title[:57].rstrip() + "…"
    return f"{names} {reference.year or ''}: {short}"
