"""``pvkdb kinetics``: from an activation energy to rates and times, with all that is assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import output, print_json, print_table
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.kinetics.conditions import Conditions
    from pvkdb.schemas.kinetics import IonKinetics, KineticsAnswer

ThicknessOption = Annotated[
    str | None,
    typer.Option("--thickness-nm", metavar="NM", help="Layer, e.g. 300 or 90:300 (predictions)."),
]
BiasOption = Annotated[
    str | None, typer.Option("--bias-v", metavar="V", help="Bias across it, e.g. 1 or 0.5:2.")
]
TemperatureOption = Annotated[
    str | None, typer.Option("--temperature-k", metavar="K", help="E.g. 300 or 280:350.")
]
WriteTimeOption = Annotated[
    str | None,
    typer.Option("--write-time-s", metavar="S", help="Pulse of the SET voltage, e.g. 1e-4:2e-3."),
]

#: Quantities of the table of ions and their headings.
_COLUMNS = {
    "diffusion coefficient of the defect": "D",
    "switching time": "switches in",
    "relaxation time": "forgets in",
    "SET voltage": "sets at",
}


def kinetics(
    formula: Annotated[
        str | None, typer.Argument(help="A material of the store, e.g. CsPbBr3; or give --e-a.")
    ] = None,
    e_a: Annotated[
        str | None,
        typer.Option("--e-a", metavar="EV", help="Activation energy instead: 0.3 or 0.3:0.5."),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="ID", help="A device of the store instead.")
    ] = None,
    dfe: Annotated[
        str | None,
        typer.Option("--dfe", metavar="EV", help="Formation energy of the vacancy, with --e-a."),
    ] = None,
    thickness: ThicknessOption = None,
    bias: BiasOption = None,
    temperature: TemperatureOption = None,
    write_time: WriteTimeOption = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Hop rate, diffusion, switching time, retention and SET voltage, as intervals.

    Whatever is not given is a default, shown with its source.
    """
    if sum(given is not None for given in (formula, e_a, device)) != 1:
        raise InputError("name one of FORMULA, --e-a EV or --device ID")
    if dfe is not None and e_a is None:
        raise InputError("--dfe goes with --e-a; a material of the store brings its own")
    answer = _answer(
        formula, e_a, device, dfe, conditions_of(thickness, bias, temperature, write_time), database
    )
    if json:
        print_json(answer.model_dump(mode="json"))
    else:
        print_answer(answer)


def conditions_of(
    thickness: str | None, bias: str | None, temperature: str | None, write_time: str | None
) -> Conditions:
    """The layer that the options describe; defaults for what they leave open.

    Raises:
        InputError: an option is no number or range, or out of its range.
    """
    from pvkdb.kinetics.conditions import layer, parse_range

    given = {
        "thickness_m": (thickness, "--thickness-nm", "nm", 1e-9),
        "bias_v": (bias, "--bias-v", "V", 1.0),
        "temperature_k": (temperature, "--temperature-k", "K", 1.0),
        "write_time_s": (write_time, "--write-time-s", "s", 1.0),
    }
    return layer(
        **{
            name: None if text is None else parse_range(text, option, unit, scale)
            for name, (text, option, unit, scale) in given.items()
        }
    )


def _answer(
    formula: str | None,
    e_a: str | None,
    device: str | None,
    dfe: str | None,
    conditions: Conditions,
    database: str,
) -> KineticsAnswer:
    from dataclasses import replace

    from pvkdb.kinetics.carriers import device_kinetics
    from pvkdb.kinetics.conditions import parse_range
    from pvkdb.suitability.evidence.kinetics import answer_barrier, answer_material

    if e_a is not None:
        formation = None if dfe is None else parse_range(dfe, "--dfe", "eV")
        barrier = parse_range(e_a, "--e-a", "eV")
        return answer_barrier(barrier, replace(conditions, vacancy_formation_ev=formation))
    with open_store(database).session(read_only=True) as session:
        if device is not None:
            return device_kinetics(session, device, conditions)
        return answer_material(session, formula or "", conditions)


def print_answer(answer: KineticsAnswer) -> None:
    """One ion by its quantities, several by a line each; then everything assumed."""
    if len(answer.ions) == 1:
        _print_ion(answer.ions[0], answer.asked)
    elif answer.ions:
        _print_ions(answer)
    told: set[str] = set()
    for ion in answer.ions:
        for assumed in ion.document.assumptions:
            unit = "" if assumed.unit == "1" else f" {assumed.unit}"
            mark = " (default)" if assumed.default else ""
            line = f"{assumed.name}: {assumed.value}{unit}{mark}; {assumed.source}"
            if assumed.name != "barrier_ev" and line not in told:
                told.add(line)
                output().print(line, markup=False)
    for note in (*answer.missing, *answer.notes, _support()):
        output().print(f"{note[0].upper()}{note[1:]}".removesuffix(".") + ".", markup=False)


def _print_ion(ion: IonKinetics, asked: str) -> None:
    quantities = ion.document.quantities
    print_table(
        f"{asked}: {ion.ion}, E_A {_barrier(ion)} ({ion.basis})",
        ["quantity", "interval", "equation"],
        [
            [
                quantity.name,
                _window(quantity.minimum, quantity.maximum, quantity.unit),
                quantity.equation,
            ]
            for quantity in quantities
        ],
        whole=("quantity", "interval"),
        caption=f"relaxation time: a retention. E_A: {ion.source}.",
    )
    for source in dict.fromkeys(quantity.source for quantity in quantities):
        named = ", ".join(each.name for each in quantities if each.source == source)
        output().print(f"{named}: {source}", markup=False)


def _print_ions(answer: KineticsAnswer) -> None:
    several = len({ion.material for ion in answer.ions}) > 1
    print_table(
        f"{answer.asked}: every ion whose activation energy the store holds",
        ["ion", "E_A", *_COLUMNS.values()],
        [_ion_row(ion, several) for ion in answer.ions],
        numeric=("E_A", *_COLUMNS.values()),
        caption="forgets in: relaxation time, as a retention. --json has rates, velocities, "
        "vacancies and equations.",
    )
    for ion in answer.ions:
        keys = f" ({ion.references})" if ion.references else ""
        output().print(f"E_A of {_name(ion, several)}: {ion.source}{keys}", markup=False)


def _ion_row(ion: IonKinetics, several: bool) -> list[str]:
    found = [ion.document.quantity(name) for name in _COLUMNS]
    windows = [
        "" if each is None else _window(each.minimum, each.maximum, each.unit) for each in found
    ]
    cells = [_barrier(ion), *windows]
    return [_name(ion, several), *(cell.replace(" to ", " –\n") for cell in cells)]


def _name(ion: IonKinetics, several: bool) -> str:
    return f"{ion.ion}{f' in {ion.material}' if several else ''} ({ion.basis})"


def _barrier(ion: IonKinetics) -> str:
    return _window(ion.barrier_min_ev, ion.barrier_max_ev, "eV")


def _window(minimum: float | None, maximum: float | None, unit: str) -> str:
    from pvkdb.suitability.evidence.explanations import window_text

    return window_text(minimum, maximum, unit.replace("m2", "m²"))


def _support() -> str:
    from pvkdb.suitability.evidence.support import support_table

    table = support_table()
    agreed = [entry.metric for entry in table.metrics if entry.supported]
    said = ", ".join(agreed) if agreed else "none of these times and voltages"
    return f"Measured devices support {said}; see {table.page}"
