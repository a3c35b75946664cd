"""From tables of files to the tidy forms; an error asks for what a file does not say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from pvkdb.errors import InputError, unknown_name
from pvkdb.measurements import forms
from pvkdb.measurements.forms import Floats, Setup
from pvkdb.measurements.tables import Table, clock_seconds, expected_unit, read_tables, unit_of
from pvkdb.store.curation.sources import Source

if TYPE_CHECKING:
    import pandas as pd

#: Share of its largest value within which a voltage counts as constant.
_SAME = 0.02
#: Numbers that instruments write where they have none (Keithley, Keysight) are larger.
_NO_NUMBER = 9.9e36
_VALUES = ("conductance", "resistance", "current")
#: The unit of a current density, which only the area of the device makes a current.
_DENSITY = re.compile(r"[munμµ]?A ?[/·]? ?[cm]?m ?\^?[-−⁻]?[2²]")
_NO_CURRENT = "is a current density; multiply it by the area of the device, as a column in A"


@dataclass(frozen=True, slots=True)
class Request:
    """What the user says of the files; empty or None is unknown. Lists have a value a file."""

    kind: str | None = None
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # column, unit or ""
    areas_m2: Sequence[float] = ()
    temperatures_k: Sequence[float] = ()
    thicknesses_m: Sequence[float] = ()
    permittivity_optical: float | None = None  # relative
    compliance_a: float | None = None
    read_voltage_v: float | None = None
    shunt_ohm: float | None = None
    sweep_rate_v_per_s: float | None = None  # of files without times
    electrodes: str = ""  # biased/grounded, e.g. Ag/FTO
    exponent_range_v: Sequence[float] = ()  # two voltages between which d ln I/d ln V is wanted
    at_temperature_k: float | None = None  # to which retention is extrapolated
    drop_bad: bool = False


def parse_columns(text: str) -> dict[str, tuple[str, str]]:
    """Return the columns that a text names, with their units.

    Example:
        >>> parse_columns("voltage=V1:mV,current=2")
        {'voltage': ('V1', 'mV'), 'current': ('2', '')}

    Raises:
        InputError: the text has another form, or names an unknown quantity.
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        quantity, _, column = (piece.strip() for piece in part.partition("="))
        if not column:
            raise InputError(f"--columns {part!r}: write QUANTITY=COLUMN, e.g. voltage=V1:mV")
        expected_unit(quantity)
        name, _, unit = column.rpartition(":")
        known = name and (unit == "arbitrary" or unit_of(unit))
        found[quantity] = (name, unit) if known else (column, "")
    return found


def read(paths: Sequence[Source], request: Request) -> dict[str, list[Any]]:
    """Return the tidy forms of what the files hold, by the words of ``KINDS``, and series.

    Raises:
        InputError: a file cannot be understood, values are impossible, or something that only the
            user knows is missing. The message names file, line, value and remedy.
    """
    if request.kind is not None and request.kind not in KINDS:
        raise InputError(unknown_name("kind of measurement", request.kind, KINDS))
    each = {"--area-um2": request.areas_m2, "--temperature-k": request.temperatures_k}
    each["--thickness-nm"] = request.thicknesses_m
    for name, given in each.items():
        if len(given) not in (0, 1, len(paths)) or any(not value > 0 for value in given):
            raise InputError(f"{name} {list(given)}: give one positive value, or one for each FILE")
    found: dict[str, list[Any]] = {}
    known = (request.compliance_a, request.read_voltage_v)
    names = [path.name for path in paths]
    for number, path in enumerate(paths):
        # Files of one name are of several folders, which may be named for the devices.
        file = path.name if names.count(path.name) == 1 else f"{path}"
        area, kelvin, thick = (v[number % len(v)] if v else None for v in each.values())
        for table in read_tables(path):
            device = f"{PurePath(file).with_suffix('')} {table.label}".strip()
            rows = f"{table.label} lines {table.frame.index[0]} to {table.frame.index[-1]}".strip()
            setup = Setup(file, device, table.sha256, rows, thick, *known, area, kelvin)
            columns = _Columns(table, request)
            kind = request.kind or _kind(columns)
            for form in KINDS[kind](columns, setup):
                noted = replace(form, setup=replace(form.setup, notes=tuple(columns.notes)))
                found.setdefault(kind, []).append(noted)
    traces = found.get("area", found.get("iv", []))
    if len({trace.setup.area_m2 for trace in traces} - {None}) > 1:
        found["area"] = [forms.AreaSeries(tuple(traces))]
    elif "area" in found:
        raise InputError("--as area needs different areas: --area-um2 once for each FILE")
    decays = found.get("retention", [])
    if len({decay.setup.temperature_k for decay in decays} - {None}) > 1:
        found["temperatures"] = [forms.TemperatureSeries(tuple(decays))]
    return found


class _Columns:
    """The columns of a table by quantity, in SI units, with notes on what was taken for what."""

    def __init__(self, table: Table, request: Request) -> None:
        self.table, self.request, self.notes = table, request, list[str]()
        self.texts = [heading.text for heading in table.headings]
        names = ", ".join(map(table.name, range(len(self.texts))))
        self.shown = names if any(self.texts) else f"1 to {len(self.texts)}, without header"
        self.places: dict[str, list[int]] = {}
        for index, heading in enumerate(table.headings):
            self.places.setdefault(heading.quantity, []).append(index)
        # Numbers are those of the file, whose empty columns are not in the frame.
        numbers = {f"{table.number(index)}": index for index in range(len(self.texts))}
        known = numbers | {text: index for index, text in enumerate(self.texts) if text}
        known |= {f"#{number}": index for number, index in numbers.items()}
        for quantity, (name, _) in request.columns.items():
            if name not in known:
                text = f"{table.file} has no column {name!r}, or it is empty; it has {self.shown}"
                raise InputError(text)
            self.places[quantity] = [known[name]]
            if name in self.texts and numbers.get(name, known[name]) != known[name]:
                text = f"{name} is taken for the heading of column {table.number(known[name])}"
                self.notes.append(f"{text}; write #{name} for column {name}")

    def error(self, line: int, text: str) -> InputError:
        return InputError(f"{self.table.file} line {line}: {text}")

    def has(self, *quantities: str) -> bool:
        return set(quantities) <= set(self.places)

    def index(self, quantity: str) -> int:
        found = self.places.get(quantity, [])
        if len(found) != 1:
            names = " and ".join(map(self.table.name, found))
            problem = f"{names} may both be the {quantity}" if found else f"no {quantity} found"
            name = f"name it with --columns {quantity}=COLUMN (columns: {self.shown})"
            raise InputError(f"{self.table.file}: {problem}; {name}")
        return found[0]

    def value(self) -> tuple[str, str]:
        """Which of conductance, resistance and current the table has, and its unit."""
        name = next(filter(self.has, _VALUES), _VALUES[0])
        return name, self.unit(name)

    def unit(self, name: str) -> str:
        """The unit of a column once it is read: arbitrary, or that of the SI."""
        given = self.request.columns.get(name, ("", ""))[1]
        unit = given or self.table.headings[self.index(name)].unit
        return unit if unit == "arbitrary" else expected_unit(name)

    def numbers(self, index: int) -> pd.Series[float]:
        """A column as numbers, NaN for empty cells and codes. Raises InputError on text."""
        import pandas as pd

        column = self.table.frame.iloc[:, index]
        numbers = column if column.dtype == float else pd.to_numeric(column, errors="coerce")
        words = column[numbers.isna() & column.notna()]
        if len(words):
            text = f"{words.iloc[0]!r} in column {self.table.name(index)} is not a number; write "
            text += "numbers (times also as 11:22:33 or 2026-11-27 11:22:33), the unit in the "
            raise self.error(words.index[0], f"{text}heading, each table in a file of its own")
        return numbers.astype(float).where(numbers < _NO_NUMBER)

    def get(self, quantity: str) -> pd.Series[float]:
        """A column in SI units."""
        index, expected = self.index(quantity), expected_unit(quantity)
        unit, scale = self.table.headings[index].unit, self.table.headings[index].scale
        if given := self.request.columns.get(quantity, ("", ""))[1]:
            unit, scale = unit_of(given) or (given, 1.0)
        column = self.table.frame.iloc[:, index]
        if quantity == "time" and (clock := clock_seconds(column)) is not None:
            self.notes.append(f"{self.table.name(index)} is a clock: seconds since its first time")
            return clock
        values = self.numbers(index) * scale
        note = f"no unit stated: {quantity} read in {expected} (--columns {quantity}=COLUMN:UNIT)"
        if expected and not unit:
            self.notes.append(note)
        if quantity == "temperature" and unit == "degC":
            return values + 273.15
        if quantity == "current" and unit == "V":
            if not self.request.shunt_ohm:
                text = f"{self.table.file}: the current in column {self.table.name(index)} is in V"
                raise InputError(f"{text}, over a shunt; give its resistance with --shunt-ohm")
            return values / self.request.shunt_ohm
        if expected and unit not in ("", expected, "arbitrary"):
            text = f"{self.table.name(index)} is the {quantity} but has the unit {unit}; correct it"
            text += f", or use --columns {quantity}=COLUMN:UNIT"
            if _DENSITY.fullmatch(unit):
                text = f"{self.table.name(index)} {_NO_CURRENT}"
            raise InputError(f"{self.table.file}: {text}")
        return values

    def rows(self, *needed: str, also: Iterable[str] = (), positive: Iterable[str] = ()) -> Any:
        """A data frame of the rows that are numbers, and positive if they must be, by line.

        Raises:
            InputError: a row is not, and the user did not ask to leave such rows out.
        """
        import pandas as pd

        names = [*needed, *(name for name in also if self.has(name))]
        frame = pd.DataFrame({name: self.get(name) for name in names})
        for name in names:
            good = np.isfinite(frame[name])
            if name in positive:
                good &= frame[name] > 0
            if good.all():
                continue
            line, count = frame.index[~good][0], int((~good).sum())
            value = float(frame.loc[line, name])
            why = "negative or zero" if np.isfinite(value) else "no number"
            text = f"{name} is {value:g}, {why} in {count} rows"
            if not self.request.drop_bad:
                raise self.error(line, f"{text}; correct them, or leave them out with --drop-bad")
            self.notes.append(f"{self.table.file} line {line}: {text}; left out")
            frame = frame[good]
        back = np.flatnonzero(frame["time"].diff() < 0) if "time" in frame else np.empty(0, int)
        if len(back):
            ends = frame["time"].iloc[[back[0] - 1, back[0]]]
            text = f"the time runs backwards, from {ends.iloc[0]:g} to {ends.iloc[1]:g} s"
            raise self.error(ends.index[1], f"{text}; split the file there, or correct the time")
        if len(frame) < 3:
            raise InputError(f"{self.table.file} has {len(frame)} usable rows; give at least 3")
        return frame


def _kind(columns: _Columns) -> str:
    """What a table holds, by its columns. Raises InputError where it may be several things."""
    has = columns.has
    if has("hrs", "lrs"):
        return "retention" if has("time") and not has("cycle") else "endurance"
    if has("interval", "response"):
        return "stdp" if (columns.get("interval") < 0).any() else "ppf"
    ohmic = has("conductance") or has("resistance")
    if ohmic and (has("state") or has("pulse") or has("wordline", "bitline")):
        return "states" if has("state") else "pulses"
    if has("voltage", "current"):
        v = columns.get("voltage").dropna()
        span, most = float(v.max() - v.min()), float(v.abs().max())
        if has("time") and span <= _SAME * most:
            return "retention"
        levels = (v / (span * _SAME or 1.0)).round().value_counts(normalize=True)
        return "transient" if has("time") and levels.iloc[:2].sum() > 0.8 else "iv"
    if has("time") and any(map(has, _VALUES)):
        return "retention"
    width = 0 if any(columns.texts) or columns.request.columns else len(columns.texts)
    # A column without a positive number holds no resistances.
    if width > 4 and all((columns.numbers(index) > 0).any() for index in range(1, width)):
        return "endurance"
    text = f"{columns.table.file}: what the columns are cannot be known ({columns.shown}); say it, "
    text += f"e.g. --columns voltage=1,current=2, and what was measured: --as {'|'.join(KINDS)}"
    if dense := [each for each in columns.table.headings if _DENSITY.fullmatch(each.unit)]:
        text = f"{columns.table.file}: {dense[0].text!r} {_NO_CURRENT}"
    raise InputError(text)


def _traces(columns: _Columns, setup: Setup) -> list[Any]:
    value = next(filter(columns.has, ("current", "conductance")), "current")
    rows = columns.rows("voltage", value, also=["time"])
    if columns.unit(value) == "arbitrary":
        raise InputError(f"{setup.file}: the {value} of a sweep or transient needs its unit")
    v, i = (rows[name].to_numpy() for name in ("voltage", value))
    i = i * v if value == "conductance" else i
    if _stepped(i) and not _stepped(v):
        text = f"voltage {v[0]:.3g} V and current {i[0]:.3g} A look swapped: the current goes in "
        text += "even steps; name them with --columns voltage=…,current=…"
        named = {"voltage", "current"} <= set(columns.request.columns)
        if np.abs(v).max() < np.abs(i).max() and not named:
            raise columns.error(rows.index[0], text)
        columns.notes.append(text)
    far = np.abs(v) > 0.5 * np.abs(v).max()
    if far.any() and np.mean(v[far] * i[far] < 0) > 0.9:
        text = "the resistance is negative, and −I is used; check the leads and the sign"
        columns.notes.append(f"{setup.file} line {rows.index[np.argmax(far)]}: {text}")
        i = -i
    time, way = rows["time"].to_numpy() if "time" in rows else None, np.abs(np.diff(v))
    if time is None and (rate := columns.request.sweep_rate_v_per_s) and way.any():
        way[way == 0] = np.median(way[way > 0])  # a voltage that is held takes the time of a step
        time = np.concatenate([[0.0], np.cumsum(way)]) / rate
    return [forms.Trace(v, i, time, rows.index.to_numpy(), setup)]


def _stepped(values: Floats) -> bool:
    """Whether values go in even steps, as a swept quantity does."""
    steps = np.abs(np.diff(values))
    middle = np.median(steps[steps > 0]) if steps.any() else 0.0
    return bool(middle > 0 and np.mean(np.abs(steps / middle - 1) < 0.1) > 0.8)


def _trains(columns: _Columns, setup: Setup) -> list[Any]:
    """Trains of pulses of one polarity; each device of an ArC ONE file has its own."""
    name, unit = columns.value()
    extra = ["pulse", "amplitude", "width", "wordline", "bitline"]
    rows = columns.rows(name, also=extra, positive=() if unit == "arbitrary" else [name])
    if name == "resistance" and unit != "arbitrary":
        rows[name], unit = 1 / rows[name], "S"
    if "pulse" not in rows:
        columns.notes.append("no column of pulse numbers: the rows are counted")
        rows["pulse"] = np.arange(len(rows), dtype=float)
    if "width" in rows:  # reads have no width
        rows = rows[rows["width"] > 0]
    cells = [quantity for quantity in ("wordline", "bitline") if quantity in rows]
    found = []
    for cell, device in rows.groupby(cells) if cells else [((), rows)]:
        sign = np.sign(device["amplitude"]) if "amplitude" in device else device["pulse"] * 0
        where = " ".join(f"{q} {n:g}" for q, n in zip(cells, cell, strict=True))
        for _, train in device.groupby((sign.diff().fillna(0) != 0).cumsum()):
            g, pulse = train[name].to_numpy(), train["pulse"].to_numpy()
            if len(g) < 4:
                continue
            falling = bool(np.polyfit(np.arange(len(g)), g, 1)[0] < 0)
            volt, width = (
                float(train[q].iloc[0]) if q in train and train[q].nunique() == 1 else None
                for q in ("amplitude", "width")
            )
            lines = f"lines {train.index[0]} to {train.index[-1]}"
            mine = replace(setup, device=where or setup.device, rows=lines)
            found.append(forms.PulseTrain(pulse - pulse[0], g, unit, falling, volt, width, mine))
    if not found:
        raise InputError(f"{setup.file}: 0 cycles, no train of 4 pulses of one polarity")
    return found


def _cycles(columns: _Columns, setup: Setup) -> list[Any]:
    """A matrix without header (device, HRS, LRS, HRS, …), or columns of HRS and LRS."""
    import pandas as pd

    table, names, lines = columns.table, ("hrs", "lrs"), columns.table.frame.index
    gaps = None
    if any(columns.texts):
        rows = pd.DataFrame({name: columns.get(name) for name in names})
        own = table.frame.iloc[:, columns.index("device")] if columns.has("device") else None
        device = pd.Series(setup.device if own is None else own, rows.index).astype(str)
        if columns.has("cycle"):
            number = columns.get("cycle")
            gaps = bool((number.groupby(device).diff().dropna() != 1).any())
        key = [device, rows.groupby(device).cumcount()]
        hrs, lrs = (rows[name].groupby(key).first().unstack().to_numpy() for name in names)
        devices = tuple(sorted(device.unique()))
    else:
        block = np.column_stack([columns.numbers(i) for i in range(len(columns.texts))])
        start = columns.index("hrs") if columns.has("hrs") else block.shape[1] % 2
        words = "device or time stamp in front of" if start else "only"
        columns.notes.append(f"no header: {words} HRS, LRS of each cycle")
        lrs = block[:, start + 1 :: 2]
        hrs = block[:, start::2][:, : lrs.shape[1]]
        devices = tuple(f"{x:g}" for x in (block[:, 0] if start else lines))
    missing = np.isnan(hrs) | np.isnan(lrs)
    padding = np.logical_and.accumulate(missing[:, ::-1], axis=1)[:, ::-1]
    wrong = (missing & ~padding) | (hrs <= 0) | (lrs <= 0)
    if wrong.any():
        row, cycle = np.argwhere(wrong)[0]
        text = f"cycle {cycle + 1} has HRS {hrs[row, cycle]:g} and LRS {lrs[row, cycle]:g} ohm, "
        text += f"which must be positive ({wrong.sum()} such cycles)"
        line = lines[row if len(lines) == len(hrs) else cycle]
        if not columns.request.drop_bad:
            raise columns.error(line, f"{text}; correct it, or leave it out with --drop-bad")
        columns.notes.append(f"{table.file} line {line}: {text}; left out")
    kept = ~(missing | wrong).all(axis=1)  # devices with a cycle
    if not kept.any():
        raise InputError(f"{table.file} holds 0 cycles; give HRS and LRS of at least one cycle")
    hrs, lrs = (np.where(missing | wrong, np.nan, values)[kept] for values in (hrs, lrs))
    if np.nanmedian(hrs) < np.nanmedian(lrs):
        text = f"HRS {hrs[0, 0]:g} and LRS {lrs[0, 0]:g} ohm look swapped, as do the medians; "
        raise columns.error(lines[0], f"{text}exchange them, or use --columns hrs=…,lrs=…")
    return [forms.Cycles(hrs, lrs, tuple(np.array(devices)[kept].tolist()), setup, gaps)]


def _decays(columns: _Columns, setup: Setup) -> list[Any]:
    both = columns.has("hrs", "lrs")  # of one device, in two columns
    names, unit = (["hrs", "lrs"], "ohm") if both else ([columns.value()[0]], columns.value()[1])
    rows = columns.rows("time", *names, positive=names if unit in ("S", "ohm") else [])
    time = rows["time"].to_numpy()
    if np.ptp(time) == 0 or not rows[names].any().all():
        raise InputError(f"{setup.file}: all times or all values are the same; check the columns")
    volt = columns.get("voltage").to_numpy() if columns.has("voltage") else np.zeros(1)
    on = float(volt[0]) if volt.all() and np.ptp(volt) <= _SAME * np.abs(volt).max() else None
    setup = replace(setup, read_voltage_v=on or setup.read_voltage_v)
    devices = [f"{setup.device} {name.upper()}" if both else setup.device for name in names]
    setups = [replace(setup, device=device) for device in devices]
    values = (rows[name].to_numpy() for name in names)
    return [forms.Decay(time, y, unit, s, on) for y, s in zip(values, setups, strict=True)]


def _pairs(columns: _Columns, setup: Setup, positive: Sequence[str] = ()) -> list[Any]:
    rows = columns.rows("interval", "response", positive=positive)
    return [forms.Pairs(rows["interval"].to_numpy(), rows["response"].to_numpy(), setup)]


def _states(columns: _Columns, setup: Setup) -> list[Any]:
    name, _ = columns.value()
    rows = columns.rows(name, also=["after"], positive=(name, "after"))
    state = columns.table.frame.iloc[:, columns.index("state")].astype(str)
    groups = dict(list(rows.groupby(state.loc[rows.index], sort=False)))
    before, after = (
        tuple(group[q].to_numpy() for group in groups.values()) if q in rows else ()
        for q in (name, "after")
    )
    return [forms.States(tuple(groups), before, after, setup)]


#: What files may hold, by the word of ``--as``.
KINDS: dict[str, Callable[[_Columns, Setup], list[Any]]]
KINDS = dict.fromkeys(("iv", "transient", "area"), _traces)
KINDS |= {"pulses": _trains, "endurance": _cycles, "retention": _decays, "states": _states}
KINDS |= {"ppf": partial(_pairs, positive=["interval"]), "stdp": _pairs}
