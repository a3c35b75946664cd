"""Loading of the shipped release of computed results into a store, in one transaction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy.orm import Session

from pvkdb.store.curation.dataset import begin_release, current_version, parts_of
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.migrate import lock_curation

#: Calculations of the release, a file of ``pvkdb jobs export``.
CALCULATIONS = Path(__file__).with_name("inorganic-calculations.jsonl.gz")


@dataclass(frozen=True, slots=True)
class ComputedReport:
    """Numbers of calculations that a load of the release added or left to the user.

    Attributes:
        dataset_version: Version of the dataset with the release.
        added: Calculations that the store lacked.
        own: Calculations of the release that the store had: results of the user, which stay.
    """

    dataset_version: str
    added: int
    own: int

    @property
    def words(self) -> str:
        """The numbers in a few words: ``3,048 calculations added``."""
        if not self.added:
            return "unchanged"
        return f"{self.added:,} calculations added"


@cache
def release_version() -> str:
    """Return the version of the release: ``computed-`` and a hash over its files."""
    return f"computed-{hashlib.sha256(CALCULATIONS.read_bytes()).hexdigest()[:10]}"


def load_computed(session: Session) -> ComputedReport:
    """Add the calculations of the release, with their structures and energies.

    Raises:
        InputError: the file of the release is damaged; nothing is loaded.
    """
    lock_curation(session)
    current = current_version(session)
    if release_version() in parts_of(current):
        return ComputedReport(current, added=0, own=0)
    version = begin_release(session, release_version())
    taken = take_calculations(session, CALCULATIONS, recorded_in=version)
    return ComputedReport(version, added=taken.new, own=taken.known)
