"""The form that queues the simulation of a device: its fields, their defaults and problems."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError
from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError, PvkdbError
from pvkdb.kinetics.conditions import DEFAULTS, ROOM_TEMPERATURE_K, parse_range
from pvkdb.schemas.calculations.simulations import SimulationQuestion
from pvkdb.simulation.devices import inputs
from pvkdb.suitability.evidence.simulations import NEEDED, StoredBarriers, stored_barriers
from pvkdb_api.explorer.computing.queue_form import FilledForm, complaints

_QUESTION = [name for name in SimulationQuestion.model_fields if name != "inputs"]
#: Labels of the inputs of the device.
LABELS = {
    name: f"{meaning[0].upper()}{meaning[1:]}" for name, (_, meaning, *_) in inputs.INPUTS.items()
}
#: Fields of the form.
FIELDS = (*_QUESTION, *LABELS)
_Form = FilledForm[SimulationQuestion]

_METALS = ", ".join(f"{name} {ends[0]}:{ends[1]}" for name, ends in inputs.WORK_FUNCTIONS.items())
#: What an empty field of an input means.
_EMPTY = {
    **dict.fromkeys(NEEDED, "required"),
    "vacancies": "required, unless the annealing temperature is given",
    "temperature_k": f"default: {ROOM_TEMPERATURE_K:g}",
    "gap_nm": "default: no gap is simulated",
    "e_a_ev": "default: that of the stored barriers, with its calibrated interval",
    "attempt_frequency_hz": f"default: {DEFAULTS['attempt_frequency_hz'].value}",
    **dict.fromkeys(inputs.CURRENTS, "no default"),
    "bottom_work_function_ev": f"default: {_METALS}; of other electrodes none",
    "top_work_function_ev": "default: as of the bottom electrode, by the name of its material",
    "breakdown_v_per_m": "default: no limit",
}


def input_fields(currents: bool) -> list[tuple[str, str, str, str]]:
    """Return name, label, unit and default of inputs that only currents need, or of the others."""
    return [
        (name, LABELS[name], "" if unit == "1" else unit, _EMPTY[name])
        for name, (unit, *_) in inputs.INPUTS.items()
        if (name not in inputs.IONS) == currents
    ]


def read_form(typed: Mapping[str, str]) -> _Form:
    """Return the question of a form, or the problems of all its fields."""
    kept = {name: typed[name] for name in FIELDS if typed.get(name)}
    needed = {"material", "stack", *NEEDED} - ({"vacancies"} if "annealed_k" in kept else set())
    problems = {name: "give a value" for name in FIELDS if name in needed - kept.keys()}
    if {"vacancies", "annealed_k"} <= kept.keys():
        problems["annealed_k"] = f"give either this or: {LABELS['vacancies']}"
    ends = {}
    for name in kept.keys() & inputs.INPUTS.keys():
        try:
            found = parse_range(kept[name], LABELS[name], inputs.INPUTS[name][0])
            ends[name] = found.minimum or 0.0, found.maximum or 0.0
            inputs.simulation_input(name, *ends[name], "given", "given")
        except InputError as error:
            problems[name] = str(error)
    given = {name: kept[name] for name in _QUESTION if name in kept}
    rates = kept.get("scan_rates_v_per_s", "").replace(",", " ").split()
    try:
        question = SimulationQuestion.model_validate(
            {"material": "", "stack": "", **given, "scan_rates_v_per_s": rates, "inputs": ends}
        )
    except ValidationError as error:
        return FilledForm(kept, None, complaints(error) | problems)
    return FilledForm(kept, None if problems else question, problems)


def barriers_of(form: _Form, session: Session) -> StoredBarriers | str | None:
    """Return the barriers of the material of a form, or why there are none; None without one."""
    try:
        material = form.value("material")
        return stored_barriers(session, material, form.typed.get("potential")) if material else None
    except (InputError, NotFoundError) as error:
        return str(error)


def refused(form: _Form, session: Session, error: PvkdbError) -> _Form:
    """Return the form with the error at the field that it is about."""
    place = "stack"
    if isinstance(barriers_of(form, session), str):
        place = "material"
    elif isinstance(error, NotFoundError) or str(error).startswith("vacancies="):
        place = "annealed_k"  # no formation energy, or a share of vacancies that cannot be
    return FilledForm(form.typed, None, {place: str(error)})
