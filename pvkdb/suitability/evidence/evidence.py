"""Evidence on the metrics of a candidate, and candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pvkdb.display.times import YEAR_S
from pvkdb.schemas.metrics import Metric
from pvkdb.schemas.rankings import BEST, COMPUTED, Grade
from pvkdb.schemas.tables.literature import SECONDARY
from pvkdb.store.models.energetics import Energetic

#: Seconds in a time of storage, which may be a year: only an approximate one was not measured.
_DAY_S = 86_400
#: Kinds of evidence that are never one value, the weakest first: the strongest one counts.
_WEAKEST_FIRST = (
    *(Grade.CALIBRATED, Grade.OWN_DFT, Grade.SECONDARY, Grade.REPORTED, Grade.DFT),
    *(Grade.BEST, Grade.EXTRAPOLATED),
)


@dataclass(frozen=True, slots=True)
class Source:
    """What one source says of an energy of a composition, with its own standard error, in eV."""

    grade: Grade
    value_ev: float
    error_ev: float
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence on a metric: a value, an interval, one side of an interval, or a word.

    ``minimum`` None: open below (``< 100`` in print). ``maximum`` None: open above (``> 100`` in
    print, or an endurance that was tested only so far). ``not_defined`` says why the metric has
    no meaning for the candidate; this differs from an unknown value. ``phase`` names the phase
    of the candidate that has the value, or several, separated by commas; None if none is given.
    ``beside`` are weaker kinds of evidence that are known, too, and do not count. ``estimate`` has
    the mean, the scale and the degrees of freedom of Student's distribution of a value that is not
    even within its interval; ``sources`` are those of which a mean is made.
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
    erratum: str | None = None
    beside: tuple[Evidence, ...] = ()
    estimate: tuple[float, float, int] | None = None
    sources: tuple[Source, ...] = ()

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
    phase: str | None = None
    #: Of a device: where its absorber is no plain film.
    form: str | None = None
    references: str = ""
    #: Of a material: the structure families of its phases.
    families: frozenset[str] = frozenset()
    devices: int | None = None
    #: Of a device: the materials of its electrodes, as far as the store or its name has them.
    electrodes: tuple[str, ...] = ()
    #: Imported, and not confirmed so far.
    unreviewed: bool = False

    def without_computed(self) -> Candidate:
        """Return the candidate without energies that pvkdb computed; itself if it has none."""
        kept = {name: each for name, each in self.evidence.items() if each.grade not in COMPUTED}
        return self if len(kept) == len(self.evidence) else replace(self, evidence=kept)


#: Retention of volatile devices: "a few milliseconds to several seconds" (section 6.1).
_VOLATILE_S = (1e-3, 10.0)


def with_retention(candidate: Candidate) -> Candidate:
    """Return a device with the retention that its volatility implies, where none is reported."""
    said = candidate.evidence.get("volatility")
    if said is None or said.word != "volatile" or "retention_s" in candidate.evidence:
        return candidate
    note = "volatile, and section 6.1 gives such devices a few milliseconds to several seconds"
    implied = replace(
        said,
        minimum=_VOLATILE_S[0],
        maximum=_VOLATILE_S[1],
        word=None,
        grade=Grade.INFERRED,
        note=note,
    )
    return replace(candidate, evidence={**candidate.evidence, "retention_s": implied})


def grade_of(
    source: str,
    qualifier: str | None = None,
    firsthand: Grade = Grade.MEASURED,
    value: float = 0.0,
    unit: str = "",
) -> Grade:
    """Return ``firsthand``, or the lower grade of a quoted, a best or an extrapolated value.

    A state that holds for a year or more is read as extrapolated, however it is printed: nobody
    watched it so long. A time of storage (days) is, where it is approximate.
    """
    if source.startswith(SECONDARY):
        return Grade.SECONDARY
    held = unit == "s" and qualifier not in ("<", "<=") and value >= YEAR_S
    if held or (unit == "d" and qualifier == "~" and value >= YEAR_S / _DAY_S):
        return Grade.EXTRAPOLATED
    return Grade.BEST if qualifier in BEST else firsthand


def only_tested(metric: Metric, value: float, qualifier: str | None, decayed: bool) -> bool:
    """Return whether a value is where a test ended, so that the true one may be larger.

    A retention is, with any sign in front, unless the state was seen to decay (of a volatile or a
    measured device), it is a best value, or nobody watched it for so long.
    """
    if metric.unit == "s" and (decayed or qualifier in BEST):
        return False
    grade = grade_of("", qualifier, value=value, unit=metric.unit)
    return metric.tested and grade is not Grade.EXTRAPOLATED


def evidence_of(statement: Energetic, grade: Grade = Grade.MEASURED) -> Evidence:
    """Return an energy of the store as evidence: its interval, qualifier and references."""
    return Evidence(
        minimum=statement.value_min_ev,
        maximum=statement.value_max_ev,
        qualifier="~" if statement.approximate else None,
        grade=grade_of(statement.source, firsthand=grade),
        source=statement.source,
        references=tuple(reference.reference_key for reference in statement.references),
        phase=statement.material.phase,
        erratum=statement.erratum,
    )


def joined(parts: Iterable[Evidence], note: str | None = None) -> Evidence:
    """Return several statements on one metric as one interval that spans them all.

    Kinds are not merged: what is measured counts before calculations of the literature, those
    before values without a method, and so on; the others are ``beside``, one value for each kind.
    Measured values of several references have a grade of their own.
    """
    listed, weaker = list(parts), []
    for weak in _WEAKEST_FIRST:
        others = [part for part in listed if part.grade is not weak]
        if others and len(others) < len(listed):
            weaker.append(joined(part for part in listed if part.grade is weak))
            listed = others
    minima = [part.minimum for part in listed]
    maxima = [part.maximum for part in listed]
    references = tuple(dict.fromkeys(key for part in listed for key in part.references))
    several = Grade.MEASURED_SEVERAL
    grades = {Grade.MEASURED if part.grade is several else part.grade for part in listed}
    grade = grades.pop() if len(grades) == 1 else Grade.REPORTED
    if grade is Grade.MEASURED and len(references) > 1:
        grade = several
    qualifiers = {part.qualifier for part in listed}
    doubts = [
        f"{part.source}: {part.erratum}" if len(listed) > 1 else part.erratum
        for part in listed
        if part.erratum
    ]
    return Evidence(
        minimum=None if None in minima else min(value for value in minima if value is not None),
        maximum=None if None in maxima else max(value for value in maxima if value is not None),
        qualifier=qualifiers.pop() if len(qualifiers) == 1 else None,
        grade=grade,
        source="; ".join(dict.fromkeys(part.source for part in listed if part.source)) or None,
        references=references,
        phase=", ".join(sorted({part.phase for part in listed if part.phase})) or None,
        note=note or "; ".join(dict.fromkeys(part.note for part in listed if part.note)) or None,
        erratum="; ".join(dict.fromkeys(doubts)) or None,
        beside=(*reversed(weaker), *(each for part in listed for each in part.beside)),
    )
