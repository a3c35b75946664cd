"""The mechanism of switching, along section 3.3 and Fig. 12 of the review: each sign has a vote.

A strong vote excludes the other mechanism, by an interval at 90 % or by chemistry; a weak one is
also seen with the other mechanism. Strong votes that agree decide, else weak ones that agree.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from pvkdb.errors import InputError
from pvkdb.measurements.memory import DECIDED
from pvkdb.measurements.metrics import Measured, shipped
from pvkdb.schemas.measurements import NOT_MEASURED, UNDECIDED, SwitchingStep, Vote

#: Metals that oxidise and move, and electrodes that do not (review, sections 3.2.1.1 and 3.2.1.2).
_REACTIVE, _INERT = {"ag", "al", "ni", "cu"}, {"au", "c", "carbon", "pt", "ti", "fto"}
#: Field that Ag+ needs to move, and thickness below which both filaments form (section 3.2.1.3).
_SILVER_FIELD_V_PER_M, _THIN_M = 1e7, 90e-9
#: Between no growth of the current with the area and proportional growth; times of which the larger
#: is at most so many times the smaller are comparable. Both of pvkdb.
_SLOPE, _COMPARABLE = 0.5, 10.0
_Strength: TypeAlias = Literal["strong", "weak", ""]
_Cast: TypeAlias = dict[
    str, tuple[str, _Strength, str]
]  # by sign: answer, strength, what was found


def parse_electrodes(text: str) -> tuple[str, ...]:
    """Return the biased and the grounded electrode of "Ag/FTO", none of an empty text.

    Raises:
        InputError: the text does not name two electrodes.
    """
    names = tuple(part.strip() for part in text.split("/")) if text else ()
    if text and (len(names) != 2 or not all(names)):
        raise InputError(f"--electrodes {text!r}: write BIASED/GROUNDED, e.g. Ag/FTO")
    return names


def switching(
    metrics: Sequence[Measured], electrodes: Sequence[str] = (), thickness_m: float | None = None
) -> list[SwitchingStep]:
    """Return what the metrics say of the mechanism, step by step.

    ECM or VCM is a question of filaments: the step is left out where the device is interfacial.
    """
    known = {m.name: m for m in reversed(metrics) if m.value is not None}
    cast = _of_areas(known, metrics) | _of_filaments(known, electrodes, thickness_m)
    cast |= _of_times(known, metrics)
    steps = list[SwitchingStep]()
    signs = shipped("switching.csv").values()
    for question, rows in itertools.groupby(signs, lambda row: row["step"]):
        votes = []
        for row in rows:
            answer, strength, found = cast.get(row["sign"], (NOT_MEASURED, "", row["missing"]))
            text = {"sign": row["label"], "answer": answer, "found": found, "source": row["source"]}
            counted = answer not in (NOT_MEASURED, UNDECIDED)
            votes.append(Vote(**text, strength=strength if counted else ""))
        answer, strength = _decided(votes)
        missing = next((vote.found for vote in votes if vote.answer == NOT_MEASURED), "")
        steps.append(
            SwitchingStep(
                question=question, answer=answer, strength=strength, votes=votes, next=missing
            )
        )
    return [s for s in steps if s.question != "ECM or VCM" or steps[0].answer != "interfacial"]


def _decided(votes: Sequence[Vote]) -> tuple[str, _Strength]:
    strengths: tuple[_Strength, ...] = ("strong", "weak")
    for strength in strengths:
        answers = {vote.answer for vote in votes if vote.strength == strength}
        if answers:
            return (answers.pop(), strength) if len(answers) == 1 else (UNDECIDED, "")
    measured = any(vote.answer != NOT_MEASURED for vote in votes)
    return (UNDECIDED if measured else NOT_MEASURED), ""


def _side(metric: Measured, limit: float, below: str, above: str) -> str:
    """The answer of a metric whose interval lies on one side of a limit."""
    low, high = metric.ends or (-np.inf, np.inf)
    return below if high < limit else above if low > limit else UNDECIDED


def _shown(metric: Measured, unit: str = "") -> str:
    ends = "no interval" if metric.ends is None else "{:.3g} to {:.3g}".format(*metric.ends)
    return f"{metric.bound}{metric.value:.3g}{unit} ({ends})"


def _of_areas(known: Mapping[str, Measured], metrics: Sequence[Measured]) -> _Cast:
    cast: _Cast = {}
    strengths: dict[str, _Strength] = {"lrs": "strong", "hrs": "weak"}
    for state, strength in strengths.items():
        if slope := known.get(f"area_slope_{state}"):
            answer = _side(slope, _SLOPE, "filamentary", "interfacial")
            cast[f"area_{state}"] = answer, strength, f"slope {_shown(slope)}"
    sweeps = next((metric for metric in metrics if metric.name == "v_set"), None)
    if sweeps and sweeps.value is not None:
        found = f"V_SET {_shown(sweeps, ' V')} in {sweeps.cycles} sweeps"
        cast["abrupt"] = "filamentary", "weak", found
    elif sweeps:
        cast["abrupt"] = "interfacial", "weak", sweeps.note
    return cast


def _of_filaments(
    known: Mapping[str, Measured], electrodes: Sequence[str], thickness_m: float | None
) -> _Cast:
    cast: _Cast = {}
    first = known.get("v_forming") or known.get("v_set")
    names = [name.lower() for name in electrodes]
    reactive = [name for name in names if name in _REACTIVE]
    if names:
        text = " and ".join(electrodes)
        cast["electrodes"] = UNDECIDED, "", f"{text}: not both are classified by the review"
        if reactive:
            cast["electrodes"] = "ECM", "weak", f"{text}: a reactive metal"
        elif set(names) <= _INERT:
            cast["electrodes"] = "VCM", "strong", f"{text}: no metal that oxidises"
    if len(reactive) == 1 and (v_set := known.get("v_set")):
        sides = ("VCM", "ECM") if names[0] in _REACTIVE else ("ECM", "VCM")
        answer = _side(v_set, 0, *sides)
        # A reactive metal does not oxidise as a cathode; vacancies move with either sign.
        strength: _Strength = "strong" if answer == "VCM" else "weak"
        found = f"V_SET {_shown(v_set, ' V')} on {electrodes[0]}"
        cast["polarity"] = answer, strength, found
    if thickness_m:
        thick = "VCM" if thickness_m > _THIN_M else UNDECIDED
        cast["thickness"] = thick, "weak", f"{thickness_m * 1e9:g} nm; below 90 nm both may form"
        if first and first.value and "ag" in names:
            field = abs(first.value) / thickness_m
            answer = "VCM" if field < _SILVER_FIELD_V_PER_M else UNDECIDED
            found = f"{field:.2g} V/m at {first.value:.3g} V; Ag+ needs about 1e7 V/m"
            cast["field"] = answer, "weak", found
    return cast


def _of_times(known: Mapping[str, Measured], metrics: Sequence[Measured]) -> _Cast:
    cast: _Cast = {}
    shares = [m.value for m in metrics if m.name == "exponential_weight" and m.value is not None]
    if shares:
        electronic = "electronic" if max(shares) <= 1 - DECIDED else UNDECIDED
        answer = "ionic" if min(shares) >= DECIDED else electronic
        found = "weight of exponential against power law " + ", ".join(f"{x:.2f}" for x in shares)
        cast["decay"] = answer, "strong", found
    rise, fall = known.get("switching_time"), known.get("relaxation_time")
    if rise and fall and rise.value and fall.value and rise.ends and fall.ends:
        low, high = fall.ends[0] / rise.ends[1], fall.ends[1] / max(rise.ends[0], 1e-300)
        found = f"relaxation over rise {fall.value / rise.value:.3g} ({low:.3g} to {high:.3g})"
        alike = low >= 1 / _COMPARABLE and high <= _COMPARABLE
        answer = "ionic" if alike else "electronic" if low > _COMPARABLE else UNDECIDED
        cast["rise"] = answer, "weak", found
    if energy := known.get("retention_energy"):
        found = f"E_A {_shown(energy, ' eV')}; emission from traps is activated, too"
        cast["temperature"] = _side(energy, 0, UNDECIDED, "ionic"), "weak", found
    return cast
