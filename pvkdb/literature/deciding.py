"""Decision on a row of an import: add, supersede, already there, or refuse."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from pvkdb.schemas.imports import Action
from pvkdb.schemas.tables import DevicesRow, EnergeticsRow

Statement = EnergeticsRow | DevicesRow

#: Ids of rows of releases: ``e-t1-r01-ea``, ``d-t4-r06``, ``c-s5.2-001``, ``d-o-choi2017-1``.
_OF_A_RELEASE = re.compile(r"[edc]-([ts]\d|o-)")


@dataclass(frozen=True, slots=True)
class Fate:
    """The decision on an imported row: add, supersede, already there, or refuse.

    ``id`` belongs to the existing row; ``column`` and ``reason`` explain a refusal; ``doubt`` is
    reported for a row that is imported.
    """

    action: Action | Literal["refuse"]
    id: str | None = None
    column: str | None = None
    reason: str = ""
    doubt: str | None = None


@dataclass(slots=True)
class There:
    """Existing rows that a batch may repeat or supersede, including rows of the same import."""

    ids: set[str] = field(default_factory=set)
    #: Ids of superseding rows, by the id of the superseded row.
    newer: dict[str, str] = field(default_factory=dict)
    #: Sources of the rows with a fingerprint, by id.
    alike: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Ids of rows of this import.
    ours: set[str] = field(default_factory=set)

    def note(
        self, name: str, fingerprint: str, source: str, supersedes: str | None, *, ours: bool
    ) -> None:
        """Record an existing row."""
        self.ids.add(name)
        self.alike.setdefault(fingerprint, {})[name] = source
        if supersedes:
            self.newer[supersedes] = name
        if ours:
            self.ours.add(name)

    def successor(self, name: str) -> str:
        """Return the id of the current version of a row."""
        while name in self.newer:
            name = self.newer[name]
        return name


def decide(row: Statement, fingerprint: str, supersedes: str | None, there: There) -> Fate:
    """Return whether a row is added, supersedes another, is already there, or is refused.

    A row that the store has held before counts as existing even if it was corrected since, so that
    importing a file again never restores an old value.
    """
    alike = there.alike.get(fingerprint, {})
    if row.id and row.id != supersedes:
        if row.id in there.ids:
            if row.id in alike and row.id not in there.ours:
                return Fate("already there", there.successor(row.id))
            reason = "another row has this id; to correct it, write its id into 'supersedes'"
            return Fate("refuse", column="id", reason=reason)
        if _OF_A_RELEASE.match(row.id):
            reason = "has the form of the ids of pvkdb's own rows; leave it out or choose another"
            return Fate("refuse", column="id", reason=reason)
    if supersedes:
        return _correction(supersedes, alike, there)
    if not row.id:
        for name, source in alike.items():
            if source == row.source and name not in there.ours:
                return Fate("already there", there.successor(name))
        for name in alike:
            if name in there.ours and name not in there.newer:
                reason = f"repeats the row that becomes {name}; to keep both, give each an 'id'"
                return Fate("refuse", reason=reason)
    current = {name: source for name, source in alike.items() if name not in there.newer}
    doubt = next(
        (f"states the same as {name} ({source})" for name, source in current.items()), None
    )
    return Fate("add", doubt=doubt)


def _correction(supersedes: str, alike: Collection[str], there: There) -> Fate:
    if supersedes in there.ours:
        reason = "that row is part of this import; correct it there"
        return Fate("refuse", column="supersedes", reason=reason)
    if supersedes not in there.ids:
        return Fate("refuse", column="supersedes", reason="the store has no row with this id")
    after = there.newer.get(supersedes)
    if after is None:
        if supersedes in alike:
            reason = "has the same content as that row; leave it out, or correct something"
            return Fate("refuse", column="supersedes", reason=reason)
        return Fate("supersede")
    if after in alike and after not in there.ours:
        return Fate("already there", after)
    reason = f"{after} has superseded that row; supersede {after}"
    return Fate("refuse", column="supersedes", reason=reason)
