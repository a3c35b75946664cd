"""What the crossbar page asks of :mod:`pvkdb.crossbar`, and how it shows the answer."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.crossbar.devices import device_array, on_off_of
from pvkdb.crossbar.estimates import COMBINATIONS, ArrayQuestion, estimate
from pvkdb.crossbar.limits import MARGIN, read_margin
from pvkdb.crossbar.maps import margin_map, voltage_map
from pvkdb.crossbar.reading import Crosspoint
from pvkdb.errors import unknown_name
from pvkdb.schemas.crossbar import ArrayLimit, Cell, CrossbarDocument, DeviceArray, Read
from pvkdb_api.core.paths import API
from pvkdb_api.core.refusals import ParameterError, naming
from pvkdb_api.explorer.crossbar.controls import (
    CONTROLS,
    EXAMPLES,
    LARGEST_SOLVED,
    MAPS,
    choice,
    example,
    number,
)

#: Sizes at which a curve of the read margin is computed.
CURVE_POINTS = 90

PATH = "/crossbar"


_TEXTS = ("device", "cell", "read", "map")


@dataclass(frozen=True)
class Asked:
    """The parameters of the page as they stand in the address, and what they come to."""

    given: dict[str, str]
    question: ArrayQuestion
    #: Without these no circuit is solved; the page's example stands in where none is given.
    r_lrs_ohm: float
    line_ohm: float
    size: int
    cell: Cell
    read: Read
    map: str
    #: Of a device of the store: its stack, and the rectification that its publication claims.
    array: DeviceArray | None = None

    @property
    def pull_up_ohm(self) -> float:
        """R_pull-up: R_LRS where none is given."""
        return self.question.pull_up_ohm or self.r_lrs_ohm

    @property
    def factor(self) -> float:
        """The selectivity, as far as the chosen kind of cell has one."""
        return 1.0 if self.cell is Cell.RESISTOR else (self.question.selectivity or 1.0)

    def value(self, name: str) -> float | None:
        """The number behind a control."""
        question = self.question
        found: Mapping[str, float | None] = {
            "on_off_ratio": question.on_off.minimum,
            "r_lrs_ohm": self.r_lrs_ohm,
            "pull_up_ohm": question.pull_up_ohm,
            "selectivity": question.selectivity,
            "line_resistance_ohm": self.line_ohm,
            "size": self.size,
            "margin": question.margin,
        }
        return found[name]

    def address(self, **changes: str | None) -> str:
        """The address of the page with some parameters changed; None leaves one out."""
        kept = {name: value for name, value in {**self.given, **changes}.items() if value}
        return f"{PATH}?{urlencode(kept)}" if kept else PATH

    def request(self, *, circuit: bool = True) -> str:
        """The same question to the REST service, with everything that the page assumed."""
        question = self.question
        start: dict[str, Any] = (
            {"on_off_ratio": f"{question.on_off.minimum!r}"}
            if question.device is None
            else {"device": question.device}
        )
        parameters = {
            **start,
            "r_lrs_ohm": f"{self.r_lrs_ohm!r}",
            "pull_up_ohm": None if question.pull_up_ohm is None else f"{question.pull_up_ohm!r}",
            "selectivity": None if question.selectivity is None else f"{question.selectivity!r}",
            "line_resistance_ohm": f"{self.line_ohm!r}" if circuit else None,
            "size": f"{self.size}" if circuit else None,
            "margin": None if question.margin == MARGIN else f"{question.margin!r}",
        }
        kept = {name: value for name, value in parameters.items() if value is not None}
        return f"{API}/crossbar?{urlencode(kept)}"

    def command(self) -> str:
        """The same question on the command line."""
        question = self.question
        words = ["pvkdb", "crossbar"]
        if question.device is None:
            words += ["--on-off", f"{question.on_off.minimum:.10g}"]
        else:
            words += ["--device", question.device]
        words += ["--r-lrs", f"{self.r_lrs_ohm:.10g}"]
        if question.pull_up_ohm is not None:
            words += ["--pull-up", f"{question.pull_up_ohm:.10g}"]
        if question.selectivity is not None:
            words += ["--selectivity", f"{question.selectivity:.10g}"]
        words += ["--line-resistance", f"{self.line_ohm:.10g}", "--size", f"{self.size}"]
        return shlex.join(words)


def read(session: Session, query: Mapping[str, str]) -> Asked:
    """The question in the address of the page.

    Raises:
        ParameterError: a parameter is unknown or its value cannot be used.
        NotFoundError: the store has no such device.
    """
    known = (*(control.name for control in CONTROLS), *_TEXTS)
    for name in query:
        if name not in known:
            raise ParameterError(name[:60], unknown_name("parameter", name[:60], known))
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    numbers = {}
    for control in CONTROLS:
        if control.name in given:
            numbers[control.name] = number(control, given[control.name])
            if numbers[control.name] == control.example:  # what a form sends unasked
                del given[control.name]
    device = given.get("device")
    if device is not None:
        if "\0" in device:
            raise ParameterError("device", "a name holds no NUL; give the name of a device")
        given.pop("on_off_ratio", None)
        with naming("device"):
            on_off, source = on_off_of(session, device)
    else:
        on_off = Interval.exactly(numbers.get("on_off_ratio", example("on_off_ratio")))
        source = "given" if "on_off_ratio" in given else "this page: an example"
    # A selectivity that was emptied by hand says: bare cells.
    bare = "selectivity" in query and not query["selectivity"].strip()
    question = ArrayQuestion(
        on_off=on_off,
        on_off_source=source,
        device=device,
        r_lrs_ohm=numbers.get("r_lrs_ohm", example("r_lrs_ohm")),
        pull_up_ohm=numbers.get("pull_up_ohm"),
        selectivity=None if bare else numbers.get("selectivity", example("selectivity")),
        margin=numbers.get("margin", MARGIN),
    )
    size = numbers.get("size", example("size"))
    if size != int(size) or not 1 <= size <= LARGEST_SOLVED:
        raise ParameterError(
            "size",
            f"size = {size:g} cannot be solved here; give 1 to "
            f"{LARGEST_SOLVED} lines, or use the command for more",
        )
    line = numbers.get("line_resistance_ohm", example("line_resistance_ohm"))
    if line < 0:
        raise ParameterError(
            "line_resistance_ohm",
            f"line resistance = {line:g} is not a resistance; give ohms from 0 on",
        )
    # Of a device of the store no selector is known: the one of the example must not answer for it.
    alone = bare or (device is not None and "selectivity" not in given)
    cell = choice("cell", given, Cell.RESISTOR if alone else Cell.SELECTOR, Cell)
    scheme = choice("read", given, Read.FLOATING, Read)
    if cell is not Cell.RESISTOR and question.selectivity is None:
        raise ParameterError(
            "cell", f"a cell of the kind {cell.value} needs a selectivity; give one, or choose 1R"
        )
    return Asked(
        given=given,
        question=question,
        r_lrs_ohm=question.r_lrs_ohm or 1.0,
        line_ohm=line,
        size=int(size),
        cell=cell,
        read=scheme,
        map=choice("map", given, "voltage", dict(zip(MAPS, MAPS, strict=True)).get),
        array=None if device is None else device_array(session, device),
    )


def fields(query: Mapping[str, str], asked: Asked | None) -> list[dict[str, Any]]:
    """The fields of the form: what stands in each, and where its slider stands."""
    found = []
    for control in CONTROLS:
        value = control.example if asked is None else asked.value(control.name)
        if asked is not None and asked.question.device and control.name == "on_off_ratio":
            text = ""
        elif control.name in query:
            text = query[control.name][:40]
        else:
            text = "" if control.example is None else f"{control.example:.10g}"
        found.append(
            {
                "control": control,
                "text": text,
                "default": "" if control.example is None else f"{control.example:.10g}",
                "place": control.place(value or control.example or 1e4),
                "low": control.ends[0],
                "high": control.ends[1],
            }
        )
    return found


def shown(asked: Asked) -> dict[str, Any]:
    """What the part of the page shows that follows the sliders.

    Raises:
        InputError: a number is out of its range.
    """
    document = estimate(asked.question)
    chosen = _chosen(asked, document)
    return {
        "asked": asked,
        "document": document,
        "chosen": chosen,
        "assumed": [*_assumed(asked)],
        "curves": _curves(asked, document),
    }


def array_map(asked: Asked) -> dict[str, Any]:
    """The circuit of the chosen kind of cell, cell by cell, as the page's script takes it.

    Raises:
        InputError: a number is out of its range.
    """
    on_off = asked.question.on_off.minimum or inf
    with naming("on_off_ratio"):
        device = Crosspoint(asked.r_lrs_ohm, on_off, asked.cell, asked.factor)
    circuit = (asked.pull_up_ohm, asked.line_ohm, asked.read)
    last = asked.size - 1
    far = voltage_map(device, asked.size, *circuit)
    near = voltage_map(device, asked.size, *circuit, cell=(last, 0))
    if asked.map == "voltage":
        lines, values = [*range(asked.size)], far.across_v
    else:
        most = 6 if asked.size <= 32 else 4 if asked.size <= 64 else 3
        lines, values = margin_map(device, asked.size, *circuit, most=most)
    formula = read_margin(
        asked.size,
        on_off,
        asked.pull_up_ohm / asked.r_lrs_ohm,
        asked.cell,
        asked.factor,
        asked.read,
    )
    return {
        "map": asked.map,
        "title": MAPS[asked.map],
        "cell": asked.cell.value,
        "read": asked.read.value,
        "size": asked.size,
        "line_ohm": asked.line_ohm,
        "lines": lines,
        "values": [[float(f"{value:.5g}") for value in row] for row in values],
        "margin": asked.question.margin,
        "margin_formula": formula,
        "margin_near": near.reading.margin,
        "margin_far": far.reading.margin,
        "cell_voltage_near": near.reading.cell_voltage,
        "cell_voltage_far": far.reading.cell_voltage,
    }


def _chosen(asked: Asked, document: CrossbarDocument) -> ArrayLimit:
    """The limit of the chosen kind of cell and read.

    Raises:
        ParameterError: pvkdb gives none: a rectifier blocks nothing in a biased read.
    """
    for limit in document.limits:
        if limit.cell is asked.cell and limit.read is asked.read:
            return limit
    schemes = ", ".join(scheme.value for cell, scheme in COMBINATIONS if cell is asked.cell)
    raise ParameterError(
        "read",
        f"a {asked.cell.value} cell blocks nothing under {asked.read.value}; choose "
        f"{schemes}, or the cell 1R",
    )


def _assumed(asked: Asked) -> list[dict[str, Any]]:
    """Every number that counts, with where it comes from."""
    found = []
    for control in CONTROLS:
        value = asked.value(control.name)
        default = control.name not in asked.given
        source = "given" if not default else EXAMPLES.get(control.name, "this page: an example")
        if control.name == "on_off_ratio":
            source, default = asked.question.on_off_source, default and not asked.question.device
        elif value is None:
            value, source = (
                (asked.r_lrs_ohm, "pvkdb: as large as R_LRS")
                if control.name == "pull_up_ohm"
                else (None, "none: bare cells only")
            )
        found.append({"control": control, "value": value, "source": source, "default": default})
    return found


def _curves(asked: Asked, document: CrossbarDocument) -> dict[str, Any]:
    """The read margin over the size of the array, for every kind of cell."""
    ratio = inf if document.on_off_ratio is None else document.on_off_ratio
    largest = max(10.0, *(3 * limit.root for limit in document.limits if isfinite(limit.root)))
    sizes = [largest ** (step / CURVE_POINTS) for step in range(CURVE_POINTS + 1)]
    return {
        "margin": document.margin,
        "curves": [
            {
                "cell": limit.cell.value,
                "read": limit.read.value,
                "size": limit.size,
                "chosen": limit.cell is asked.cell and limit.read is asked.read,
                "points": [
                    [
                        float(f"{n:.5g}"),
                        float(f"{_margin(n, ratio, document.pull_up_ratio, limit):.5g}"),
                    ]
                    for n in sizes
                ],
            }
            for limit in document.limits
        ],
    }


def _margin(n: float, ratio: float, pull_up: float, limit: ArrayLimit) -> float:
    return read_margin(n, ratio, pull_up, limit.cell, limit.selectivity, limit.read)
