"""Candidates that are real devices: in the table of devices, or only in the running text.

Figures of the running text belong to a device of the table if both cite the same publication and no
other device does, or if they name its id or stack. They add metrics that the table lacks, and
replace none of its values but an extrapolated one, by one that was measured. Each other name with a
publication becomes a candidate of its own. A corrected value counts as corrected, and says so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas.metrics import METRICS, REPORTED, TABLE_METRICS, Metric, possible
from pvkdb.schemas.rankings import Grade
from pvkdb.schemas.tables import DeviceClaimsRow
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES
from pvkdb.store.collections.devices import owner
from pvkdb.store.curation.dataset import unreviewed_imports
from pvkdb.store.models.devices import Device, DeviceClaim, DeviceMetric
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.rows.corrected import corrected, corrections
from pvkdb.suitability.evidence.evidence import Candidate, Evidence, grade_of, joined, only_tested
from pvkdb.suitability.evidence.examinations import accuracy_evidence
from pvkdb.suitability.evidence.explanations import value_text

#: A device with a gate: its perovskite is not the layer between two electrodes.
THREE_TERMINALS = re.compile(r"\b3T\b|transistor", re.IGNORECASE)
#: Separators of layers and words in a name; a dopant follows a colon.
_PARTS = re.compile(r"[/,\s@]+")
#: Names of things in the text that are not memristors.
_NO_MEMRISTOR = re.compile(r"biological|photodetector")
_VOLATILE = re.compile(r"(?<!non-)\bvolatile\b")


def device_candidates(session: Session, unreviewed: bool = False) -> list[Candidate]:
    """Return every device of the store, then those known from the text only.

    Those of imports that nobody has confirmed are marked, and their figures join no other device;
    with ``unreviewed`` they are like all others.
    """
    waiting = set() if unreviewed else {each.version for each in unreviewed_imports(session)}
    counted = DEVICES.rows.loads.where(Device.current(unreviewed)).order_by(Device.id)
    devices = list(session.scalars(counted).unique())
    right = corrections(session)
    figures = DEVICE_CLAIMS.rows.loads.where(DeviceClaim.current(unreviewed))
    rows = [*DEVICE_CLAIMS.iterate(session, figures)]
    imported = select(DeviceClaim.id).where(DeviceClaim.recorded_in.in_(waiting))
    doubtful = {*session.scalars(imported)} if waiting else set()
    own = {each.id for each in devices if each.recorded_in in waiting}
    claims = [corrected(row, right[row.id]) for row in rows if row.references]
    of_reference: dict[str, dict[str, str]] = defaultdict(dict)
    for device in devices:
        for reference in device.references:
            of_reference[reference.reference_key][device.id] = device.structure
    added: dict[str, list[DeviceClaimsRow]] = defaultdict(list)
    others: list[DeviceClaimsRow] = []
    accuracies = accuracy_evidence(session)
    for claim in claims:
        known: dict[str, str] = {}
        for key in claim.references.split():
            known |= of_reference.get(key, {})
        if claim.id not in doubtful and known.keys() - own:  # unreviewed devices take no figures
            known = {name: stack for name, stack in known.items() if name not in own}
        if not known:
            others.append(claim)
        elif (name := owner(claim.device, known)) is not None and (
            claim.id not in doubtful or name in own
        ):
            added[name].append(claim)
    formulas = set[str]().union(*(_formulas(_name(claim)) for claim in others))
    named = select(Material).join(Material.composition).where(Composition.formula.in_(formulas))
    candidates = [
        *(_of_table(each, added[each.id], accuracies.get(each.id, {})) for each in devices),
        *_of_text(others, Absorbers(session.scalars(named).unique())),
    ]
    return [
        replace(each, unreviewed=True) if each.id in own | doubtful else each for each in candidates
    ]


def _of_table(
    device: Device, claims: Iterable[DeviceClaimsRow], computed: Mapping[str, Evidence]
) -> Candidate:
    keys = tuple(reference.reference_key for reference in device.references)
    evidence = {}
    for name, (metric, _) in TABLE_METRICS.items():
        if reported := device.metric(name):
            evidence[metric.name] = _table_evidence(metric, reported, device, keys)
    if device.volatility:
        evidence["volatility"] = _volatility(device, keys)
    for name, found in _figures(claims).items():
        printed = evidence.setdefault(name, found)
        if printed.grade is Grade.EXTRAPOLATED and found.grade is Grade.MEASURED:
            said = f"{printed.source} prints {value_text(printed, METRICS[name].unit)}"
            evidence[name] = replace(found, note=f"{found.note}; {said}, an extrapolation")
    return Candidate(
        id=device.id,
        label=device.structure,
        kind="device",
        evidence={**evidence, **computed},
        material=None if device.configuration == "3T" else device.material_id,
        absorber=device.absorber,
        phase=device.material.phase if device.material else None,
        form=device.form,
        references=" ".join(keys),
        electrodes=tuple(
            dict.fromkeys(
                layer.material for layer in device.layers if layer.role.endswith("electrode")
            )
        ),
    )


def _volatility(device: Device, keys: tuple[str, ...]) -> Evidence:
    """Return the volatility of a device; the caption of a table speaks of all of its rows."""
    found = re.search(r"volatility: ([^;]+)", device.text_source or "")
    place = found[1] if found else device.source
    address = device.source.partition(" at http")
    firsthand = Grade.REPORTED if place.endswith(" caption") else Grade.MEASURED
    return Evidence(
        word=device.volatility,
        grade=Grade.INFERRED if "(inferred" in place else grade_of(device.source, None, firsthand),
        source=place if " at http" in place else place + "".join(address[1:]),
        references=keys,
        # Doubts about the row of a table are of what its caption says, not of other places.
        erratum=device.erratum if place.split()[:2] == device.source.split()[:2] else None,
    )


def _table_evidence(
    metric: Metric, found: DeviceMetric, device: Device, keys: tuple[str, ...]
) -> Evidence:
    low, high, qualifier = found.value_min, found.value_max, found.qualifier
    source, wrong = device.source_of(found.metric), device.corrections_of(found.metric)
    errata = [*dict.fromkeys(f"corrected: {each.why}" for each in wrong), device.erratum]
    decayed = device.volatility == "volatile" or device.raw_files is not None
    tested = only_tested(metric, low, qualifier, decayed)
    if metric.magnitude:
        low, high = magnitudes(low, high)
    return Evidence(
        minimum=None if qualifier == "up to" else low,
        maximum=None if tested or qualifier in (">", ">=") else high,
        qualifier="tested" if tested and qualifier is None else qualifier,
        grade=grade_of(source, qualifier, value=low, unit=metric.unit),
        source=source,
        references=keys,
        note="; ".join(
            ["of the film, not of the device"] * (qualifier == "film")
            + [f"good practice: {device.quality}"] * bool(device.quality)
        )
        or None,
        erratum="; ".join(filter(None, errata)) or None,
    )


def _of_text(claims: Iterable[DeviceClaimsRow], absorbers: Absorbers) -> Iterator[Candidate]:
    groups: dict[tuple[str, str], list[DeviceClaimsRow]] = defaultdict(list)
    for claim in claims:
        if not _NO_MEMRISTOR.search(claim.device):
            groups[_name(claim), claim.references].append(claim)
    for (name, references), listed in groups.items():
        evidence = _figures(listed)
        if any(_VOLATILE.search(claim.device) for claim in listed):
            evidence["volatility"] = Evidence(
                word="volatile", source=listed[0].source, references=tuple(references.split())
            )
        if evidence:
            material = absorbers.named_in(name)
            yield Candidate(
                id=listed[0].id,
                label=name,
                kind="figures",
                evidence=evidence,
                material=material.id if material else None,
                phase=material.phase if material else None,
                references=references,
                electrodes=electrodes_in(name),
            )


def _figures(claims: Iterable[DeviceClaimsRow]) -> dict[str, Evidence]:
    """Return evidence by metric from figures in running text, without impossible values."""
    found: dict[str, list[Evidence]] = defaultdict(list)
    for claim in claims:
        metric = REPORTED.get(claim.metric)
        if metric is None:
            continue
        evidence = _figure(claim, metric)
        ends = [end for end in (evidence.minimum, evidence.maximum) if end is not None]
        if all(possible(metric, end) for end in ends):
            found[metric.name].append(evidence)
    return {name: joined(parts) for name, parts in found.items()}


def _figure(claim: DeviceClaimsRow, metric: Metric) -> Evidence:
    low = claim.value
    high = claim.value if claim.value_max is None else claim.value_max
    if metric.magnitude:
        low, high = magnitudes(low, high)
    tested = only_tested(metric, low, claim.qualifier, bool(_VOLATILE.search(claim.device)))
    # The typical value is not above a best one, but a count of tested cycles was reached.
    best = None if tested else claim.qualifier
    below = claim.qualifier in ("<", "<=") or best == "up to"
    above = claim.qualifier in (">", ">=") or best == "down to" or (tested and not below)
    return Evidence(
        minimum=None if below else low,
        maximum=None if above else high,
        qualifier=claim.qualifier or ("tested" if tested else None),
        grade=grade_of(claim.source, best, value=low, unit=metric.unit),
        source=claim.source,
        references=tuple(claim.references.split()),
        note=f"the text speaks of: {claim.device}",
        erratum=claim.erratum,
    )


def magnitudes(low: float, high: float) -> tuple[float, float]:
    """Return the smallest and the largest |v| of voltages v between two ends."""
    ends = sorted((abs(low), abs(high)))
    return (0.0 if low < 0 < high else ends[0]), ends[1]


class Absorbers:
    """Finds the material of a device from the formula in the device's name."""

    def __init__(self, materials: Iterable[Material]) -> None:
        self._by_formula: dict[str, list[Material]] = defaultdict(list)
        for material in materials:
            self._by_formula[material.composition.formula].append(material)

    def named_in(self, label: str) -> Material | None:
        """Return the material that the name of a two-terminal device contains, or None.

        A dopant is left out, as in the devices' table. A phase in the name chooses among the
        materials of a composition. A name with two compositions has no material.
        """
        if THREE_TERMINALS.search(label):
            return None
        words, formulas = _words(label), _formulas(label) & self._by_formula.keys()
        if len(formulas) != 1:
            return None
        listed = self._by_formula[formulas.pop()]
        phases = [each for each in listed if each.phase is not None and each.phase in words]
        plain = [each for each in listed if each.phase is None]
        chosen = phases if len(phases) == 1 else plain
        return chosen[0] if len(chosen) == 1 else None


def electrodes_in(label: str) -> tuple[str, ...]:
    """Return the two ends of a stack that is written with strokes; empty without one.

    Example:
        >>> electrodes_in("Ag/PMMA/MAPbI3:Ag/Au threshold switch")
        ('Ag', 'Au')
    """
    parts = [part.split() for part in label.split("/")]
    if len(parts) < 2 or not all(parts):
        return ()
    return tuple(dict.fromkeys(word.strip(",") for word in (parts[0][-1], parts[-1][0])))


def _name(claim: DeviceClaimsRow) -> str:
    """Return the name of a device without a remark in parentheses."""
    return re.sub(r"\s*\([^()]*\)$", "", claim.device)


def _words(label: str) -> list[str]:
    return [part.partition(":")[0] for part in _PARTS.split(label)]


def _formulas(label: str) -> set[str]:
    """Return the formulas of all words of a name that can be read as one."""
    found = set()
    for word in _words(label):
        with suppress(InputError):
            found.add(parse_composition(word).formula)
    return found
