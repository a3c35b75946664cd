"""The mechanism of switching, along section 3.3 and Fig. 12 of the review: each sign has a vote.

A strong vote excludes the other mechanism, by an interval at 90 % or by chemistry; a weak one is
also seen with the other mechanism. Strong votes that agree decide, else weak ones that agree. The
limits are in ``switching.csv``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pvkdb.errors import InputError
from pvkdb.measurements.forms import shipped
from pvkdb.measurements.metrics import Measured
from pvkdb.schemas import StrictModel

#: Metals that oxidise and move, and electrodes that do not (review, sections 3.2.1.1 and 3.2.1.2).
_REACTIVE, _INERT = {"ag", "al", "ni", "cu"}, {"au", "c", "carbon", "pt", "ti", "fto"}
NOT_MEASURED, UNDECIDED = "not measured", "undecided"


class Vote(StrictModel):
    """What a sign says of a mechanism, and the number it rests on, or what has to be measured."""

    sign: str
    answer: str  # an alternative of the step, "undecided" or "not measured"
    strength: str  # "strong"; "weak": also seen with the other mechanism; empty without answer
    found: str
    source: str


class SwitchingStep(StrictModel):
    """A question on the mechanism of switching, its answer by votes, and what to measure next."""

    question: str
    answer: str
    strength: str
    votes: list[Vote]
    next: str  # empty if nothing is missing


def switching(
    metrics: Sequence[Measured], electrodes: str = "", thickness_m: float | None = None
) -> list[SwitchingStep]:
    """Return what the metrics say of the mechanism, step by step.

    ``electrodes`` are the biased and the grounded one, e.g. "Ag/FTO". ECM or VCM is a question of
    filaments: the step is left out where the device is interfacial.

    Raises:
        InputError: the electrodes are not two names.
    """
    signs, steps = _signs(metrics, electrodes, thickness_m), list[SwitchingStep]()
    for name, rows in itertools.groupby(shipped("switching.csv").values(), lambda row: row["step"]):
        votes = [_vote(row, signs.get(row["sign"])) for row in rows]
        missing = next((vote.found for vote in votes if vote.answer == NOT_MEASURED), "")
        answer = UNDECIDED if any(v.answer != NOT_MEASURED for v in votes) else NOT_MEASURED
        strength = next((s for s in ("strong", "weak") if s in {v.strength for v in votes}), "")
        cast = {vote.answer for vote in votes if vote.strength == strength}
        if strength:
            answer, strength = (cast.pop(), strength) if len(cast) == 1 else (UNDECIDED, "")
        texts = {"question": name, "answer": answer, "strength": strength, "next": missing}
        steps.append(SwitchingStep(votes=votes, **texts))
    return [s for s in steps if s.question != "ECM or VCM" or steps[0].answer != "interfacial"]


def _vote(row: Mapping[str, str], sign: Measured | None) -> Vote:
    """The side of the limits on which the whole interval of a sign lies."""
    answer, found = NOT_MEASURED, row["missing"]
    if sign is not None and sign.value is not None:
        low, high = sign.ends or (sign.value, sign.value)
        below, above = high < float(row["low"]), low > float(row["high"])
        answer = row["below"] if below else row["above"] if above else UNDECIDED
        found = row["text"].format(value=sign.value, low=low, high=high, note=sign.note)
    answer, _, strength = answer.partition("/")
    texts = {"sign": row["label"], "found": found, "source": row["source"]}
    return Vote(answer=answer, strength=strength, **texts)


def _signs(
    metrics: Sequence[Measured], electrodes: str, thickness_m: float | None
) -> dict[str, Measured]:
    """Metrics by name, and what follows from several of them, by the signs of the table."""
    signs = {metric.name: metric for metric in reversed(metrics) if metric.value is not None}
    if laws := [metric for metric in metrics if metric.name == "exponential_weight"]:
        shares = [0.5 if law.value is None else law.value for law in laws]
        ends = min(shares), max(shares)
        signs["exponential_weight"] = replace(laws[0], value=shares[0], ends=ends)
    sweeps = [metric for metric in metrics if metric.name in ("v_set", "v_reset") and metric.cycles]
    if sweeps:
        seen = [f"{m.name} {m.value:.3g} V in {m.cycles} sweeps" for m in sweeps if m.value]
        signs["abrupt"] = Measured("", float(bool(seen)), note=", ".join(seen) or sweeps[0].note)
    names = [name.strip().lower() for name in electrodes.split("/")] if electrodes else []
    if len(names) not in (0, 2) or not all(names):
        raise InputError(f"--electrodes {electrodes!r}: write BIASED/GROUNDED, e.g. Ag/FTO")
    reactive = [name in _REACTIVE for name in names]
    if names:
        # 1: a reactive metal, 0: none, between: not classified by the review.
        kind = 1.0 if any(reactive) else 0.5 * (not set(names) <= _INERT)
        said = {1.0: "a reactive metal", 0.0: "no metal that oxidises", 0.5: "not classified"}
        signs["electrodes"] = Measured("", kind, note=f"{electrodes}: {said[kind]}")
    v_set = signs.get("v_set")
    if v_set and v_set.value and v_set.ends and sum(reactive) == 1:
        # A reactive metal does not oxidise as a cathode; vacancies move with either sign.
        side = 1 if reactive[0] else -1
        low, high = sorted(side * end for end in v_set.ends)
        note = names[reactive.index(True)].capitalize()
        signs["polarity"] = replace(v_set, value=side * v_set.value, ends=(low, high), note=note)
    if thickness_m:
        signs["thickness"] = Measured("", thickness_m, note=f"{thickness_m * 1e9:.3g} nm")
        if (first := signs.get("v_forming", v_set)) and "ag" in names:
            signs["field"] = Measured("", abs(first.value or 0) / thickness_m)
    rise, fall = signs.get("switching_time"), signs.get("relaxation_time")
    # A relaxation that is much faster than the rise says nothing.
    if rise and fall and rise.ends and fall.ends and 10 * fall.ends[1] > rise.ends[0] > 0:
        ends = fall.ends[0] / rise.ends[1], fall.ends[1] / rise.ends[0]
        signs["rise"] = Measured("", (fall.value or 0) / (rise.value or 1), ends)
    return signs
