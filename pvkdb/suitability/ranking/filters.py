"""Filters before weights: which candidates are ranked, and how many are set aside for what reason.

All filters but ``has_stack`` look at the composition: of a device, at that of its absorber, or at
each one of a composite. A device whose absorber is not known does not pass them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from pydantic import ValidationError

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas.rankings import RankingFilters, SetAside
from pvkdb.suitability.evidence.barriers import SOURCES
from pvkdb.suitability.evidence.evidence import Candidate

#: Filters of one kind alone: whether that is materials.
_OF_ONE_KIND = {"has_device": True, "has_stack": False}
_IONS = {metric for pair in SOURCES.values() for metric in pair}


def parse_filters(given: Mapping[str, object]) -> RankingFilters:
    """Return filters from their texts; formulas may have any spelling.

    Raises:
        InputError: a value cannot be used; names its filter.
    """
    try:
        return RankingFilters.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        reason = "write true or false" if first["type"] == "bool_parsing" else first["msg"]
        raise InputError(f"{first['loc'][0]}: {first['input']!r}: {reason}") from None


def passing(
    candidates: Sequence[Candidate],
    filters: RankingFilters,
    compositions: Mapping[str, Candidate],
    screened: Collection[str] = (),
) -> tuple[list[Candidate], list[SetAside]]:
    """Return the candidates that meet the filters, and the numbers of the others.

    ``compositions`` have all that is known of them, by the material of candidates; ``screened`` are
    the formulas that a screening computed.
    """
    tests = tests_of(filters, screened)
    by_formula = {each.id: each for each in compositions.values()}
    kept, counts = [], Counter[tuple[str, str]]()
    for candidate in candidates:
        known = compositions.get(candidate.material or "")
        parts = [known] if known else _parts(candidate.absorber, by_formula)
        material = candidate.kind == "material"
        for name, why, meets in tests:
            if _OF_ONE_KIND.get(name, material) != material:
                continue
            subjects = [candidate] if name == "has_stack" else parts
            every = all if name == "lead_free" and filters.lead_free else any
            if not subjects or not every(map(meets, subjects)):
                why = why if subjects else "the composition of its absorber is not known"
                counts[name, why] += 1
                break
        else:
            kept.append(candidate)
    aside = [SetAside(filter=name, reason=why, count=n) for (name, why), n in counts.items()]
    return kept, sorted(aside, key=lambda each: (-each.count, each.filter, each.reason))


def tests_of(
    filters: RankingFilters, screened: Collection[str]
) -> list[tuple[str, str, Callable[[Candidate], object]]]:
    """Return the filters in use: name, reason for setting aside, test of a composition."""
    lead = "contains lead" if filters.lead_free else "contains no lead"
    listed: list[tuple[str, str, Callable[[Candidate], object]]] = [
        ("compositions", "another composition", lambda each: each.id in filters.compositions),
        ("lead_free", lead, lambda each: _parsed(each).lead_free == filters.lead_free),
        (
            *("family", "of another family"),
            lambda each: {_parsed(each).family, *each.families} & set(filters.family),
        ),
        (
            *("halide", f"contains no {' or '.join(filters.halide)}"),
            lambda each: any(on.ion.symbol in filters.halide for on in _parsed(each).on("X")),
        ),
        ("has_device", "no device is made of it", lambda each: each.devices),
        ("has_stack", "its stack is not reported", lambda each: each.electrodes),
        ("ions_known", "nothing is known of its ions", lambda each: each.evidence.keys() & _IONS),
        ("only_screening", "no screening computed it", lambda each: each.id in screened),
    ]
    unused = RankingFilters()
    return [each for each in listed if getattr(filters, each[0]) != getattr(unused, each[0])]


def _parts(absorber: str | None, by_formula: Mapping[str, Candidate]) -> list[Candidate]:
    """Return the compositions of an absorber such as AgBi2I7-Cs3Bi2I9; empty if one is not read."""
    try:
        read = [parse_composition(part).formula for part in (absorber or "").split("-")]
    except InputError:
        return []
    return [by_formula.get(each, Candidate(each, each, "material")) for each in read]


def _parsed(candidate: Candidate) -> Composition:
    try:
        return parse_composition(candidate.id)
    except InputError:  # an edited row
        return Composition(candidate.id, (), "undetermined")
