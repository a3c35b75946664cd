"""The page of crossbar arrays: the largest readable array, by formula and by circuit."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import inf, isfinite, log10
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.crossbar.devices import device_array, on_off_of
from pvkdb.crossbar.estimates import COMBINATIONS, estimate
from pvkdb.crossbar.limits import read_margin
from pvkdb.crossbar.reading import Crosspoint, margin_map, voltage_map
from pvkdb.errors import InputError, NotFoundError, ParameterError, naming
from pvkdb.operations.fields import option_of, served_model
from pvkdb.schemas.crossbar import (
    LARGEST_SERVED,
    MARGIN,
    ArrayLimit,
    Cell,
    CrossbarDocument,
    CrossbarRequest,
    DeviceArray,
    Read,
)
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.parameters import given_parameters, known_choice, page_request
from pvkdb_api.explorer.site.rendering import link, page, part, part_json, part_wanted

router = APIRouter(include_in_schema=False)

#: Points of a curve of the read margin.
CURVE_POINTS = 90

PATH = "/crossbar"

_TEXTS = ("device", "cell", "read", "map")


@dataclass(frozen=True, slots=True)
class Control:
    """A number field with a slider."""

    name: str
    label: str
    symbol: str
    unit: str
    #: Ends of the slider.
    low: float
    high: float
    #: The value if the field is not given.
    example: float | None
    #: Whether the slider is logarithmic.
    decades: bool = True
    step: float = 0.05
    hint: str = ""

    def slider_position(self, value: float) -> float:
        """Return the slider's position for a value within its ends: log10 if it runs in decades."""
        inside = min(max(value, self.low), self.high)
        return round(log10(inside), 4) if self.decades else inside


CONTROLS = (
    Control("on_off_ratio", "On/off ratio", "R_HRS / R_LRS", "", 10**0.05, 1e9, 1e3, hint="> 1"),
    Control("r_lrs_ohm", "LRS resistance", "R_LRS", "Ω", 1e2, 1e9, 1e4),
    Control("pull_up_ohm", "Pull-up resistor", "R_pu", "Ω", 1e2, 1e9, None, hint="default: R_LRS"),
    Control(
        *("selectivity", "Selectivity or rectification ratio", "s", "", 1, 1e8, 514),
        hint="empty: memristor only",
    ),
    Control(
        *("line_resistance_ohm", "Line resistance between cells", "R_line", "Ω", 0, 50, 2.0),
        decades=False,
        step=0.1,
    ),
    Control("size", "Size of the solved array", "N", "lines", 2, LARGEST_SERVED, 32, False, 1),
    Control("margin", "Required read margin", "ΔV / V_read", "", 0.01, 0.5, MARGIN, False, 0.01),
)

#: Sources of the examples that are taken from the review.
EXAMPLES = {
    "selectivity": "the rectification ratio in the review's example of 1747 × 1747, section 5.1.1",
    "margin": "review, section 5.1.1: more than 10 %",
}

#: Values shown by the map: the word in the address and the heading.
MAPS = {"voltage": "Voltage across each cell", "margin": "Read margin by cell position"}

#: Kinds of cell in words.
CELLS = {
    Cell.RESISTOR: "1R: memristor only",
    Cell.SELECTOR: "1S1R: selector in series",
    Cell.RECTIFIER: "self-rectifying",
}
READS = {
    Read.FLOATING: "floating: other lines open",
    Read.HALF_BIAS: "V/2 on the other lines",
    Read.THIRD_BIAS: "V/3 and 2V/3 on the other lines",
}


@dataclass(frozen=True)
class CrossbarQuery:
    """The parameters in the address of the page, and what they mean."""

    given: dict[str, str]
    #: With an example of the page where a number is not given.
    question: CrossbarRequest
    on_off: Interval
    on_off_source: str
    cell: Cell
    read: Read
    map: str
    #: The stack and the claimed rectification of a device of the store.
    array: DeviceArray | None = None

    @property
    def circuit(self) -> tuple[int, float, float, Read]:
        """The size, the pull-up resistor (by default R_LRS), line resistance and read scheme."""
        request = self.question
        pull_up = request.pull_up_ohm or request.r_lrs_ohm or 1.0
        return request.size or 1, pull_up, request.line_resistance_ohm or 0.0, self.read

    @property
    def factor(self) -> float:
        """The selectivity of the selector in the chosen cell; 1 without a selector."""
        return 1.0 if self.cell is Cell.RESISTOR else (self.question.selectivity or 1.0)

    def value(self, name: str) -> float | None:
        """Return the number in the form field of this name; None if the field is empty."""
        value: float | None = getattr(self.question, name)
        return self.on_off.minimum if name == "on_off_ratio" else value

    def address(self, **changes: str | None) -> str:
        """Return the address of the page with changed parameters; None removes a parameter."""
        return link(PATH, **{**self.given, **changes})

    def request(self, *, circuit: bool = True) -> str:
        """Return the REST request of this query, with all assumed values."""
        left_out = set() if circuit else {"line_resistance_ohm", "size"}
        asked = self.question.model_dump(exclude_defaults=True, exclude=left_out)
        return link(f"{API}/crossbar", **{name: f"{value}" for name, value in asked.items()})

    def command(self) -> str:
        """Return the ``pvkdb crossbar`` command line for this query."""
        words = ["pvkdb", "crossbar"]
        for name, value in self.question.model_dump(exclude_defaults=True).items():
            text = value if isinstance(value, str) else f"{value:.10g}"
            words += [option_of(name, CrossbarRequest.model_fields[name]), text]
        return shlex.join(words)


@router.get(PATH)
def get_crossbar(request: Request, session: ReadSession) -> Response:
    """Return the crossbar page, or only its results, or only the voltage map of the circuit.

    The page shows errors beside the fields, which keep their texts.
    """
    wanted = part_wanted(request)
    texts = request.query_params
    try:
        query = read_query(request, session)
        if wanted == "map":
            return part_json(array_map(query))
        found = results(query)
    except (InputError, NotFoundError) as error:
        if wanted is not None:
            raise
        missing = isinstance(error, NotFoundError)
        return page(
            request,
            "crossbar.html",
            HTTPStatus.NOT_FOUND if missing else HTTPStatus.UNPROCESSABLE_ENTITY,
            **_form(texts),
            refusal=str(error),
            parameter=getattr(error, "parameter", "device" if missing else None),
        )
    if wanted == "results":
        return part(request, "_crossbar.html", **found)
    return page(request, "crossbar.html", **_form(texts, query), **found, refusal=None)


def _form(texts: Mapping[str, str], query: CrossbarQuery | None = None) -> dict[str, Any]:
    """Return the fields and choices of the crossbar form."""
    cell = query.cell if query else texts.get("cell", Cell.SELECTOR)
    read = query.read if query else texts.get("read", Read.FLOATING)
    return {
        "fields": [_field(control, texts, query) for control in CONTROLS],
        "device": texts.get("device", "")[:200],
        "choices": [
            ("cell", "Kind of cell", CELLS, cell),
            ("read", "Read scheme", READS, read),
            ("map", "Map of the circuit", MAPS, query.map if query else texts.get("map")),
        ],
    }


def read_query(request: Request, session: Session) -> CrossbarQuery:
    """Return the query in the address of the page.

    Raises:
        ParameterError: A parameter is unknown or has an invalid value.
        NotFoundError: The store has no such device.
    """
    given = given_parameters(request, (*(control.name for control in CONTROLS), *_TEXTS))
    numbers: dict[str, Any] = {
        control.name: given[control.name].replace("−", "-").replace(",", ".")
        if control.name in given
        else control.example
        for control in CONTROLS
    }
    # An emptied selectivity field means cells without a selector.
    bare = "selectivity" in request.query_params and "selectivity" not in given
    if bare:
        numbers["selectivity"] = None
    device = given.get("device")
    if device is not None:
        numbers |= {"device": device, "on_off_ratio": None}
        given.pop("on_off_ratio", None)
    question = page_request(served_model(CrossbarRequest), numbers)
    for control in CONTROLS:
        if getattr(question, control.name) == control.example:  # sent by the form, but not chosen
            given.pop(control.name, None)
    if device is not None:
        with naming("device"):
            on_off, source = on_off_of(session, device)
    else:
        on_off = Interval.exactly(question.on_off_ratio or 0.0)
        source = "given" if "on_off_ratio" in given else "example of this page"
    # No selector is reported for devices of the store: the example's selector must not apply.
    alone = bare or (device is not None and "selectivity" not in given)
    default_cell = Cell.RESISTOR if alone else Cell.SELECTOR
    cell = Cell(known_choice("cell", given.get("cell", default_cell), Cell))
    if cell is not Cell.RESISTOR and question.selectivity is None:
        raise ParameterError("cell", f"a {cell.value} cell needs a selectivity; give one, or 1R")
    return CrossbarQuery(
        given=given,
        question=question,
        on_off=on_off,
        on_off_source=source,
        cell=cell,
        read=Read(known_choice("read", given.get("read", Read.FLOATING), Read)),
        map=known_choice("map", given.get("map", "voltage"), MAPS),
        array=None if device is None else device_array(session, device),
    )


def _field(
    control: Control, texts: Mapping[str, str], query: CrossbarQuery | None
) -> dict[str, Any]:
    """Return a field of the form with its text and the position of its slider."""
    value = control.example if query is None else query.value(control.name)
    default = "" if control.example is None else f"{control.example:.10g}"
    measured = query and query.question.device and control.name == "on_off_ratio"
    return {
        "control": control,
        "text": "" if measured else texts.get(control.name, default)[:40],
        "default": default,
        "position": control.slider_position(value or control.example or 1e4),
        "low": control.slider_position(control.low),
        "high": control.slider_position(control.high),
    }


def results(query: CrossbarQuery) -> dict[str, Any]:
    """Return the results that are updated when a slider moves: limits, inputs and curves.

    Raises:
        InputError: A number is out of range.
    """
    alone = query.question.model_copy(update={"line_resistance_ohm": None, "size": None})
    document = estimate(alone, query.on_off, query.on_off_source)
    return {
        "query": query,
        "document": document,
        "chosen": _chosen_limit(query, document),
        "inputs": _inputs(query),
        "curves": _curves(query, document),
    }


def array_map(query: CrossbarQuery) -> dict[str, Any]:
    """Return the solved circuit of the chosen kind of cell, for the script of the page.

    Raises:
        InputError: A number is out of range.
    """
    on_off, r_lrs = query.on_off.minimum or inf, query.question.r_lrs_ohm or 1.0
    size, pull_up, line, read = circuit = query.circuit
    with naming("on_off_ratio"):
        device = Crosspoint(r_lrs, on_off, query.cell, query.factor)
    far = voltage_map(device, *circuit)
    near = voltage_map(device, *circuit, cell=(size - 1, 0))
    if query.map == "voltage":
        lines, values = [*range(size)], far.across_v
    else:
        most = 6 if size <= 32 else 4 if size <= 64 else 3
        lines, values = margin_map(device, *circuit, most=most)
    formula = read_margin(size, on_off, pull_up / r_lrs, query.cell, query.factor, read)
    return {
        "map": query.map,
        "title": MAPS[query.map],
        "cell": query.cell.value,
        "read": query.read.value,
        "size": size,
        "line_ohm": line,
        "lines": lines,
        "values": [[float(f"{value:.5g}") for value in row] for row in values],
        "margin": query.question.margin,
        "margin_formula": formula,
        "margin_near": near.margin,
        "margin_far": far.margin,
        "cell_voltage_near": near.cell_voltage,
        "cell_voltage_far": far.cell_voltage,
    }


def _chosen_limit(query: CrossbarQuery, document: CrossbarDocument) -> ArrayLimit:
    """Return the largest array for the chosen kind of cell and read scheme.

    Raises:
        ParameterError: The cell has no effect in this scheme, as a rectifier in a biased read.
    """
    for limit in document.limits:
        if limit.cell is query.cell and limit.read is query.read:
            return limit
    schemes = ", ".join(scheme.value for cell, scheme in COMBINATIONS if cell is query.cell)
    raise ParameterError(
        "read",
        f"a {query.cell.value} cell does not block current in the read scheme {query.read.value}; "
        f"choose {schemes}, or the cell 1R",
    )


def _inputs(query: CrossbarQuery) -> list[dict[str, Any]]:
    """Return all numbers of the query with their sources."""
    found = []
    for control in CONTROLS:
        value = query.value(control.name)
        default = control.name not in query.given
        source = "given" if not default else EXAMPLES.get(control.name, "example of this page")
        if control.name == "on_off_ratio":
            source, default = query.on_off_source, default and not query.question.device
        elif value is None:
            value, source = (
                (query.question.r_lrs_ohm, "default of pvkdb: R_LRS")
                if control.name == "pull_up_ohm"
                else (None, "none: memristor only")
            )
        found.append({"control": control, "value": value, "source": source, "default": default})
    return found


def _curves(query: CrossbarQuery, document: CrossbarDocument) -> dict[str, Any]:
    """Return the read margin against the size of the array for every kind of cell."""
    ratio = inf if document.on_off_ratio is None else document.on_off_ratio
    largest = max(10.0, *(3 * limit.root for limit in document.limits if isfinite(limit.root)))
    sizes = [largest ** (step / CURVE_POINTS) for step in range(CURVE_POINTS + 1)]
    pull_up = document.pull_up_ratio

    def margin(n: float, limit: ArrayLimit) -> float:
        exact = read_margin(n, ratio, pull_up, limit.cell, limit.selectivity, limit.read)
        return float(f"{exact:.5g}")

    return {
        "margin": document.margin,
        "curves": [
            {
                "cell": limit.cell.value,
                "read": limit.read.value,
                "size": limit.size,
                "chosen": limit.cell is query.cell and limit.read is query.read,
                "points": [[float(f"{n:.5g}"), margin(n, limit)] for n in sizes],
            }
            for limit in document.limits
        ],
    }
