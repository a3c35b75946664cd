"""Evidence on the metrics of a candidate, and candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pvkdb.display.times import YEAR_S
from pvkdb.schemas.rankings import BEST, COMPUTED, Grade
from pvkdb.schemas.tables.evidence import SECONDARY
from pvkdb.store.models.energetics import Energetic

#: A year of 365 days by unit: an approximate time of a year or more was not measured.
_YEAR = {"s": YEAR_S, "d": YEAR_S / 86_400}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence on a metric: a value, an interval, one side of an interval, or a word.

    ``minimum`` None: open below (``< 100`` in print). ``maximum`` None: open above (``> 100`` in
    print, or an endurance that was tested only so far). ``not_defined`` says why the metric has
    no meaning for the candidate; this differs from an unknown value. ``phase`` names the phase
    of the candidate that has the value, or several, separated by commas; None if none is given.
    """

    minimum: float | None = None
    maximum: float | None = None
    word: str | None = None
    qualifier: str | None = None
    grade: Grade = Grade.MEASURED
    source: str | None = None
    references: tuple[str, ...] = ()
    phase: str | None = None
    note: str | None = None
    not_defined: str | None = None

    @classmethod
    def exactly(cls, value: float, grade: Grade = Grade.MEASURED) -> Evidence:
        """Return the evidence of a single number."""
        return cls(value, value, grade=grade)

    @property
    def known(self) -> bool:
        """Whether the evidence has a value or a word."""
        return self.minimum is not None or self.maximum is not None or self.word is not None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device or a material with its evidence by metric."""

    id: str
    label: str
    kind: Literal["device", "figures", "material"]
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    material: str | None = None
    absorber: str | None = None
    references: str = ""
    devices: int | None = None
    #: Of a device: the materials of its electrodes, as far as the store or its name has them.
    electrodes: tuple[str, ...] = ()

    def without_computed(self) -> Candidate:
        """Return the candidate without energies that pvkdb computed; itself if it has none."""
        kept = {name: each for name, each in self.evidence.items() if each.grade not in COMPUTED}
        return self if len(kept) == len(self.evidence) else replace(self, evidence=kept)


def grade_of(
    source: str,
    qualifier: str | None = None,
    firsthand: Grade = Grade.MEASURED,
    value: float = 0.0,
    unit: str = "",
) -> Grade:
    """Return ``firsthand``, or the lower grade of a quoted, a best or an extrapolated value.

    An approximate time of years is read as extrapolated.
    """
    if source.startswith(SECONDARY):
        return Grade.SECONDARY
    if qualifier == "~" and value >= _YEAR.get(unit, float("inf")):
        return Grade.EXTRAPOLATED
    return Grade.BEST if qualifier in BEST else firsthand


def evidence_of(statement: Energetic, grade: Grade = Grade.MEASURED) -> Evidence:
    """Return an energy of the store as evidence: its interval, qualifier and references."""
    return Evidence(
        minimum=statement.value_min_ev,
        maximum=statement.value_max_ev,
        qualifier="~" if statement.approximate else None,
        grade=grade_of(statement.source, firsthand=grade),
        source=statement.source,
        references=tuple(reference.reference_key for reference in statement.references),
    )


def joined(parts: Iterable[Evidence], note: str | None = None) -> Evidence:
    """Return several statements on one metric as one interval that spans them all.

    Computed and quoted values count only where there is no other, best values only where no typical
    one is, and extrapolated values only where none is measured.
    It has the grade of the statements if they agree. Measured values of several references have a
    grade of their own; statements of different grades become reported values.
    """
    listed = list(parts)
    for weak in (Grade.CALIBRATED, Grade.OWN_DFT, Grade.SECONDARY, Grade.BEST, Grade.EXTRAPOLATED):
        listed = [part for part in listed if part.grade is not weak] or listed
    minima = [part.minimum for part in listed]
    maxima = [part.maximum for part in listed]
    references = tuple(dict.fromkeys(key for part in listed for key in part.references))
    grades = {part.grade for part in listed}
    grade = grades.pop() if len(grades) == 1 else Grade.REPORTED
    if grade is Grade.MEASURED and len(references) > 1:
        grade = Grade.MEASURED_SEVERAL
    qualifiers = {part.qualifier for part in listed}
    return Evidence(
        minimum=None if None in minima else min(value for value in minima if value is not None),
        maximum=None if None in maxima else max(value for value in maxima if value is not None),
        qualifier=qualifiers.pop() if len(qualifiers) == 1 else None,
        grade=grade,
        source="; ".join(dict.fromkeys(part.source for part in listed if part.source)) or None,
        references=references,
        note=note or "; ".join(dict.fromkeys(part.note for part in listed if part.note)) or None,
    )
