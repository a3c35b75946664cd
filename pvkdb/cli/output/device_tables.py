"""Tables of estimates for devices: sizes of crossbar arrays, and kinetics of ions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pvkdb.cli.output.console import output, plain, print_lines, print_table
from pvkdb.display.numbers import UNKNOWN, number, percent, shortened
from pvkdb.display.units import with_unit

if TYPE_CHECKING:
    from pvkdb.schemas.calculations.examinations import ExaminationResult
    from pvkdb.schemas.calculations.simulations import SimulatedQuantity, SimulationResult
    from pvkdb.schemas.crossbar import ArrayLimit, CrossbarDocument, DeviceArray
    from pvkdb.schemas.kinetics import IonKinetics, KineticsAnswer
    from pvkdb.schemas.responses import Assumption

#: Quantities in the table of ions, with their headings.
_KINETICS = {
    "diffusion coefficient of the defect": "D",
    "switching time": "switching",
    "relaxation time": "relaxation",
    "SET voltage": "SET voltage",
}


def print_estimate(document: CrossbarDocument) -> None:
    """Print the array sizes as a table, then the exact reads and the assumptions."""
    ratio = "infinite" if document.on_off_ratio is None else number(document.on_off_ratio)
    subject = f"{document.device}, " if document.device else ""
    selectivity = max(limit.selectivity for limit in document.limits)
    blocking = f", selectivity {selectivity:g}" if selectivity > 1 else ""
    numeric = ("N", "real N", "best N", "R_pu/R_LRS", "any data")
    print_table(
        f"Largest N × N array: {subject}on/off {ratio}{blocking}, "
        f"R_pull-up = {document.pull_up_ratio:g} R_LRS",
        ["cell", "other lines", "blocked", *numeric],
        [_limit_row(limit) for limit in document.limits],
        numeric=numeric,
        caption=f"N: margin {document.margin:g} of V_read by equations (1) and (2) of the review, "
        "section 5.1.1. best N: with the pull-up resistor in the next column. any data: one "
        "threshold for all states of the other cells.",
    )
    if document.exact:
        size = document.exact[0].size
        columns = ("formula", "near", "far", "V near", "V far")
        print_table(
            f"Margin of a {size} × {size} array, solved exactly",
            ["cell", "other lines", *columns],
            [
                [
                    read.cell.value,
                    read.read.value,
                    f"{read.margin_formula:.4f}",
                    f"{read.margin_near:.4f}",
                    f"{read.margin_far:.4f}",
                    f"{read.cell_voltage_near:.4f}",
                    f"{read.cell_voltage_far:.4f}",
                ]
                for read in document.exact
            ],
            numeric=columns,
            caption="near, far: the cells next to and farthest from the drivers; V: voltage across "
            "these cells in LRS. All divided by V_read. formula: without line resistance.",
        )
    if document.smallest_spacing_m is not None:
        spacing = document.smallest_spacing_m * 1e6
        output().print(f"Spacing between cells without crosstalk: at least {spacing:.3g} μm")
    print_lines(map(assumption_text, document.assumptions))
    print_lines(document.notes)


def _limit_row(limit: ArrayLimit) -> list[str]:
    best = limit.best_pull_up_ratio
    return [
        limit.cell.value,
        limit.read.value,
        limit.blocked,
        str(limit.size),
        f"{limit.root:.2f}",
        str(limit.size_best_pull_up),
        "open" if best is None else f"{best:.2f}",
        str(limit.size_any_data),
    ]


def print_devices(arrays: Sequence[DeviceArray]) -> None:
    """Print the array sizes of all devices as a table."""
    numeric = ("on/off", "N", "best N", "rect. N")
    print_table(
        "Largest N × N array of the devices, floating lines",
        ["id", "device, ref.", *numeric],
        [_device_row(array) for array in arrays],
        numeric=numeric,
        whole=("id",),
        caption="N: bare cells (1R), R_pull-up = R_LRS (default: R_LRS is not reported). best N: "
        "with the best pull-up resistor. rect. N: with the rectification ratio that the text "
        "reports for the only publication of the device. –: not reported.",
    )
    print_lines(f"{array.device}: {array.reason}" for array in arrays if array.reason)


def _device_row(array: DeviceArray) -> list[str]:
    ratio = UNKNOWN if array.on_off_ratio is None else number(array.on_off_ratio)
    sizes = (array.size, array.size_best_pull_up, array.size_rectifying)
    return [
        array.device,
        f"{plain(shortened(array.structure, 38))}\n[dim]{array.references}[/]",
        f"{array.on_off_qualifier or ''}{ratio}",
        *(UNKNOWN if size is None else str(size) for size in sizes),
    ]


def print_kinetics(answer: KineticsAnswer) -> None:
    """Print all quantities of a single ion, or a row for each of several; then the assumptions."""
    from pvkdb.suitability.evidence.support import support_table

    if len(answer.ions) == 1:
        _print_ion(answer.ions[0], answer.asked)
    elif answer.ions:
        _print_ions(answer)
    print_lines(
        f"{each.name} of {ion.ion} ({ion.basis}): {each.missing}"
        for ion in answer.ions
        for each in ion.document.quantities
        if each.missing and each.name in _KINETICS
    )
    assumptions = [
        assumption_text(assumption)
        for ion in answer.ions
        for assumption in ion.document.assumptions
        if assumption.name != "barrier_ev"
    ]
    print_lines(dict.fromkeys(assumptions))
    table = support_table()
    supported = ", ".join(entry.metric for entry in table.metrics if entry.supported)
    known = f"Measured devices support {supported or 'none of these times and voltages'}"
    notes = (*answer.missing, *answer.notes, f"{known}; see {table.page}")
    print_lines(f"{note[0].upper()}{note[1:]}".removesuffix(".") + "." for note in notes)


def _print_ion(ion: IonKinetics, subject: str) -> None:
    quantities = ion.document.quantities
    print_table(
        f"{subject}: {ion.ion}, E_A {_barrier(ion)} ({ion.basis})",
        ["quantity", "interval", "equation"],
        [
            [
                quantity.name,
                _interval(quantity.minimum, quantity.maximum, quantity.unit),
                quantity.equation,
            ]
            for quantity in quantities
        ],
        whole=("quantity", "interval"),
        caption=f"relaxation time: predicted retention. E_A: {ion.source}.",
    )
    for source in dict.fromkeys(quantity.source for quantity in quantities):
        names = ", ".join(each.name for each in quantities if each.source == source)
        output().print(f"{names}: {source}", markup=False)


def _print_ions(answer: KineticsAnswer) -> None:
    several = len({ion.material for ion in answer.ions}) > 1
    print_table(
        f"{answer.asked}: every ion with an activation energy in the store",
        ["ion", "E_A used", *_KINETICS.values()],
        [_ion_row(ion, several) for ion in answer.ions],
        numeric=("E_A used", *_KINETICS.values()),
        caption="switching, relaxation: times; the relaxation time is the predicted retention. "
        "--json adds rates, velocities, vacancies and equations.",
    )
    for ion in answer.ions:
        keys = f" ({ion.references})" if ion.references else ""
        output().print(f"E_A of {_name(ion, several)}: {ion.source}{keys}", markup=False)


def _ion_row(ion: IonKinetics, several: bool) -> list[str]:
    found = [ion.document.quantity(name) for name in _KINETICS]
    intervals = [
        "" if each is None else _interval(each.minimum, each.maximum, each.unit) for each in found
    ]
    cells = [_barrier(ion), *intervals]
    return [_name(ion, several), *(cell.replace(" to ", " –\n") for cell in cells)]


def _name(ion: IonKinetics, several: bool) -> str:
    return f"{ion.ion}{f' in {ion.material}' if several else ''} ({ion.basis})"


def _barrier(ion: IonKinetics) -> str:
    return _interval(ion.barrier_min_ev, ion.barrier_max_ev, "eV")


def _interval(minimum: float | None, maximum: float | None, unit: str) -> str:
    from pvkdb.suitability.evidence.explanations import window_text

    if minimum is None and maximum is None:
        return "not predicted"
    return window_text(minimum, maximum, unit)


def assumption_text(assumption: Assumption) -> str:
    """Return an assumption as one line of text, with its value and source."""
    mark = " (default)" if assumption.default else ""
    value = with_unit(assumption.value, assumption.unit)
    return f"{assumption.name}: {value}{mark}; {assumption.source}"


def print_simulation(result: SimulationResult) -> None:
    """Print numbers with intervals and causes, the inputs with sources, and the notes."""
    print_table(
        f"{result.stack}: {result.defect} of {result.formula} {result.phase}",
        ["quantity", "value", "interval", "decades", "uncertain by"],
        [_simulated_row(each) for each in result.quantities],
        numeric=("value", "decades"),
        whole=("quantity",),
        caption="–: wider than three decades, not shown. uncertain by: shares of the variance.",
    )
    for each in result.inputs:
        interval = "" if each.low == each.high else f", {number(each.low)} – {number(each.high)}"
        value = with_unit(f"{number(each.value)}{interval}", each.unit)
        output().print(f"{each.name}: {value} ({each.basis}); {each.source}", markup=False)
    print_lines(result.notes)
    if result.compact:
        words = f"{result.compact['model']}: {'; '.join(result.compact['notes'])}"
        print_lines([f"Compact model, -o FILE.cir: {words}"])


def _simulated_row(quantity: SimulatedQuantity) -> list[str]:
    """Return the cells of a quantity; its causes are those of at least one percent."""
    causes = [f"{name} {percent(part)}" for name, part in quantity.shares.items() if part >= 0.01]
    value = UNKNOWN if quantity.value is None else number(quantity.value)
    ends = (number(end) for end in (quantity.minimum, quantity.maximum) if end is not None)
    # The column of decades says why a wide interval is not shown.
    why = quantity.missing if quantity.decades is None else UNKNOWN
    interval = " – ".join(ends) or why or UNKNOWN
    decades = UNKNOWN if quantity.decades is None else f"{quantity.decades:.1f}"
    return [quantity.name, with_unit(value, quantity.unit), interval, decades, ", ".join(causes)]


def print_examination(result: ExaminationResult) -> None:
    """Print the results with spreads, what each imperfection costs, and what was assumed."""
    from pvkdb.schemas.calculations.examinations import TASKS

    title = plain(f"{result.device}: {TASKS[result.task]}")
    if result.verdict:
        print_lines([title, f"no number: {result.verdict}"])
        return
    rows = [[*map(plain, row)] for row in result.rows()]
    seeds = result.protocol.get("seeds")
    about = f"{result.images}; mean ± standard deviation over seeds {seeds}" if seeds else None
    columns = ["", "value", *["note"] * any(note for _, _, note in rows)]
    print_table(title, columns, [row[: len(columns)] for row in rows], caption=about)
    if result.costs:
        names = ("alone", "without it")
        print_table(
            "What each imperfection costs",
            ["imperfection", *names],
            [
                [each.imperfection, *map(result.text, (each.alone, each.without))]
                for each in result.costs
            ],
            numeric=names,
            caption="alone: with no other imperfection. without it: with all others.",
        )
    known: dict[str, list[str]] = {}
    for name, source in result.sources.items():
        known.setdefault(source, []).append(name)
    print_lines(f"{', '.join(names)}: {source}" for source, names in known.items())
    assumed = f"taken as ideal, not known: {', '.join(result.assumed) or 'nothing'}"
    print_lines([*[assumed] * (result.result is not None), *result.notes])


def print_measurements(document: Mapping[str, Any]) -> None:
    """Print the metrics with intervals and counts, then what they are based on."""
    from pvkdb.measurements.measuring import metric_cells

    metrics = [metric_cells(metric) for metric in document["metrics"]]
    several = len({metric["device"] for metric in metrics}) > 1
    columns = ["metric", "value", "interval at 90 %", "cycles × devices", "note"]
    keys = [*["device"] * several, "label", "value", "interval", "counts", "note"]
    print_table(
        f"Metrics of {document['kind']} files" + ("" if several else f": {metrics[0]['device']}"),
        [*["device"] * several, *columns],
        [[plain(metric[key]) for key in keys] for metric in metrics],
        numeric=("value", "cycles × devices"),
        whole=("interval at 90 %",),
        caption="–: not measured, the note says why. Definitions: docs/measurements.md and --json.",
    )
    print_table(
        "Good practice",
        ["question", "answer", "found"],
        [[row["question"], row["answer"], plain(row["found"])] for row in document["quality"]],
        whole=("answer",),
    )
    steps = []
    for step in document["switching"]:
        votes = [vote for vote in step["votes"] if vote["answer"] != "not measured"]
        each = (f"{v['sign']}: {v['found']} ({v['answer']} {v['strength']}" for v in votes)
        text = "; ".join(f"{vote.rstrip()})" for vote in each)
        answer = f"{step['answer']} {step['strength']}".strip()
        steps.append([step["question"], answer, plain(text or "–"), plain(step["next"])])
    print_table("Mechanism of switching", ["step", "answer", "votes", "measure next"], steps)
    _print_conduction(document["conduction"])
    print_lines([*document["notes"], f"not known: {', '.join(document['unknown']) or 'nothing'}"])


def _print_conduction(branches: Sequence[Mapping[str, Any]]) -> None:
    """Print the candidates of every branch, or the best law, and what would decide."""
    several, rows = len({branch["device"] for branch in branches}) > 1, []
    for branch in branches:
        name = f"{branch['branch']} {' to '.join(map(number, branch['range_v']))} V"
        cells = [plain(f"{branch['device']} {name}" if several else name), branch["verdict"]]
        notes = [branch["note"], _parameter_text(branch["activation"])]
        for law in [law for law in branch["laws"] if law["candidate"]] or branch["laws"][:1]:
            known = map(_parameter_text, law["parameters"])
            text = plain("; ".join(filter(None, [law["formula"], *known, *notes])))
            rows.append([*cells, law["law"], f"{law['weight']:.2g}", f"{law['misfit']:.0%}", text])
            cells, notes = ["", ""], []
    if rows:
        print_table(
            "Conduction",
            ["branch", "verdict", "law", "weight", "misfit", "parameters"],
            rows,
            numeric=("weight", "misfit"),
            caption="+, −: polarity; out, back: from and to zero. weight: by AICc among all laws "
            "(--json). misfit: share of the current that the law leaves.",
        )
    wanted = dict.fromkeys(text for branch in branches for text in branch["would_decide"])
    print_lines([f"would decide: {'; '.join(wanted)}"] if wanted else [])


def _parameter_text(metric: Mapping[str, Any] | None) -> str:
    if metric is None or metric["value"] is None:
        return ""
    unit = "" if metric["unit"] == "1" else f" {metric['unit']}"
    ends = " to ".join(map(number, metric["ends"]))
    text = f"{metric['label']} {metric['bound']}{number(metric['value'])} ({ends}){unit}"
    return f"{text} {metric['note']}".strip()
