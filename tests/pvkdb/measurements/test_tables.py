"""What laboratories export is read with the right quantities, units and lines."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from pvkdb.errors import InputError, MissingExtraError
from pvkdb.measurements.forms import Cycles, Decay, PulseTrain, Trace
from pvkdb.measurements.reading import Request, parse_columns, read
from pvkdb.measurements.tables import read_tables, understand, unit_of

from ...conftest import lacks
from ...each import for_each

SMU = (
    "Item,Smu1.Time[1][1],Smu1.V[1][1],Smu1.I[1][1],Smu1.R[1][1],\r\n"
    "1,0,0,0,-1854.2,\r\n2,0.08,0.01,1.1E-07,90313.7,\r\n3,0.16,0.02,2.3E-07,86189.4,\r\n"
)
EASY = (
    "SetupTitle, I/V Sweep\nTestParameter, Compliance, 0.01\n"
    "DataName, Vtop, Itop, Time\nDataValue, 0, 1E-12, 0\nDataValue, 0.1, 2E-9, 0.1\n"
    "DataValue, 0.2, 4E-9, 0.2\nDataName, Vtop, Itop, Time\nDataValue, 0, 1E-12, 0\n"
    "DataValue, 0.1, 3E-9, 0.1\nDataValue, 0.2, 6E-9, 0.2\n"
)
NOVA = (
    "\ufeffPotential applied (V)\tTime (s)\tWE(1).Current (A)\tWE(1).Potential (V)\tScan\n"
    "0.1\t1\t1E-6\t0.099\t1\n0.2\t2\t2E-6\t0.199\t1\n0.3\t3\t3E-6\t0.299\t1\n"
)
SCOPE = (
    "x-axis,1,2\nsecond,Volt,Volt\n"
    + "".join(f"{k * 1e-9:g},{0.5 + 0.01 * k:g},{0.001 * k:g}\n" for k in range(-2, 30))
)  # fmt: skip
ARC = (
    "Wordline,Bitline,Resistance,Amplitude (V),Pulse width (s),Tag,ReadTag,ReadVoltage\n"
    + "".join(
        f"{w},3,{r},{a},{t},P,R,0.2\n"
        for w in (1, 2)
        for a, t, r in [
            *((0.0, 0.0, 9000),),
            *((1.2, 1e-4, 8000 - 500 * k) for k in range(6)),
            *((-1.2, 1e-4, 5600 + 400 * k) for k in range(6)),
        ]
    )
)


def put(folder: Path, text: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def forms(folder: Path, text: str, **request: object) -> list[object]:
    found = read([put(folder, text)], Request(**request))  # type: ignore[arg-type]
    return [form for every in found.values() for form in every]


def sweep(folder: Path, text: str, **request: object) -> Trace:
    (found,) = forms(folder, text, **request)
    assert isinstance(found, Trace)
    return found


def sweeps(folder: Path, text: str) -> list[Trace]:
    found = forms(folder, text)
    assert all(isinstance(form, Trace) for form in found)
    return found  # type: ignore[return-value]


def cycles_of(folder: Path, text: str, **request: object) -> Cycles:
    (found,) = forms(folder, text, **request)
    assert isinstance(found, Cycles)
    return found


@for_each(
    ("text", "unit"),
    [
        *(("mA", ("A", 1e-3)), ("µA", ("A", 1e-6)), ("kΩ", ("ohm", 1e3)), ("Volt", ("V", 1))),
        *(("ms", ("s", 1e-3)), ("mS", ("S", 1e-3)), ("1", None)),
    ],
)
def test_units(text: str, unit: tuple[str, float] | None) -> None:
    assert unit_of(text) == unit


@for_each(
    ("text", "quantity", "scale"),
    [
        *(("Smu1.Time[1][1]", "time", 1), ("T", "time", 1), ("time_ms", "time", 1e-3)),
        *(
            ("t (h)", "time", 3600),
            ("T (°C)", "temperature", 1),
            ("temperature_c", "temperature", 1),
        ),
        *(("WE(1).Current (mA)", "current", 1e-3), ("I / µA", "current", 1e-6)),
        *(("Current_mA", "current", 1e-3), ("Current - nA", "current", 1e-9)),
        *(("SMU1 I", "current", 1), ("Strom uA", "current", 1e-6)),
        *(("Voltage [mV]", "voltage", 1e-3), ("Voltage {mV}", "voltage", 1e-3)),
        *(("V1", "voltage", 1), ("V_a", "voltage", 1), ("AnodeV", "voltage", 1)),
        *(("SMU1 V", "voltage", 1), ("G (a.u.)", "conductance", 1)),
        *(("conductance_s", "conductance", 1), ("conductance_ms", "conductance", 1e-3)),
        *(("Resistance kOhm", "resistance", 1e3), ("absI", "ignored", 1)),
        *(("Potential applied (V)", "ignored", 1), ("Current density (A/cm2)", "ignored", 1)),
        *(("gate oxide", "", 1), ("HRS/LRS", "", 1)),
    ],
)
def test_headings(text: str, quantity: str, scale: float) -> None:
    found = understand(text)
    assert (found.quantity, found.scale) == (quantity, pytest.approx(scale))


def test_smu_keeps_times_and_lines_and_ignores_its_resistance(tmp_path: Path) -> None:
    trace = sweep(tmp_path, SMU)
    assert trace.voltage_v.tolist() == [0, 0.01, 0.02]
    assert trace.time_s is not None
    assert trace.place(1) == "file.csv line 3"
    assert any("voltage read in V" in note for note in trace.setup.notes)
    assert trace.setup.area_m2 is None


def test_repetitions_side_by_side_are_sweeps_of_their_own(tmp_path: Path) -> None:
    text = "Item,Smu1.V[1][1],Smu1.I[1][1],Smu1.V[1][2],Smu1.I[1][2]\n" + "".join(
        f"{k},{k / 10},{k * 1e-6},{k / 10},{k * 2e-6}\n" for k in range(5)
    )
    first, second = sweeps(tmp_path, text)
    assert second.current_a == pytest.approx(2 * first.current_a)


def test_easyexpert_has_a_sweep_for_each_block(tmp_path: Path) -> None:
    _, second = sweeps(tmp_path, EASY)
    assert second.current_a[-1] == 6e-9
    assert second.place(2) == "file.csv line 10"


def test_nova_gives_the_measured_potential(tmp_path: Path) -> None:
    trace = sweep(tmp_path, NOVA)
    assert trace.voltage_v.tolist() == [0.099, 0.199, 0.299]
    assert trace.setup.notes == ()  # every unit is stated


def test_oscilloscope_needs_columns_and_the_shunt(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--columns"):
        forms(tmp_path, SCOPE)
    columns = parse_columns("voltage=1,current=2")
    with pytest.raises(InputError, match=r"over a shunt.*--shunt-ohm"):
        forms(tmp_path, SCOPE, kind="transient", columns=columns)
    trace = sweep(tmp_path, SCOPE, kind="transient", columns=columns, shunt_ohm=50)
    assert trace.current_a[-1] == pytest.approx(0.029 / 50)
    assert trace.time_s[-1] == pytest.approx(29e-9)


def test_arc_one_has_trains_by_device_and_polarity_without_reads(tmp_path: Path) -> None:
    trains = forms(tmp_path, ARC)
    assert [train.falling for train in trains if isinstance(train, PulseTrain)] == [False, True] * 2
    first = trains[0]
    assert isinstance(first, PulseTrain)
    assert first.setup.device == "wordline 1 bitline 3"
    assert (first.amplitude_v, first.width_s) == (1.2, 1e-4)
    assert first.conductance[0] == pytest.approx(1 / 8000)


def test_matrix_without_header_is_device_hrs_lrs(tmp_path: Path) -> None:
    cycles = cycles_of(tmp_path, "200\t9e4\t5e3\t8e4\t4e3\n201\t7e4\t5e3\t6e4\t4e3\n")
    assert cycles.devices == ("200", "201")
    assert cycles.hrs_ohm.tolist() == [[9e4, 8e4], [7e4, 6e4]]


def test_columns_of_hrs_and_lrs_by_device(tmp_path: Path) -> None:
    text = "device,cycle,HRS (kohm),LRS (kohm)\na,1,90,5\na,2,80,4\nb,1,70,5\n"
    cycles = cycles_of(tmp_path, text)
    assert cycles.devices == ("a", "b")
    np.testing.assert_allclose(cycles.hrs_ohm, [[9e4, 8e4], [7e4, np.nan]])


@pytest.mark.parametrize(
    ("second", "gaps"), [("a,2,80,4\na,3,80,4\n", False), ("a,3,80,4\na,4,80,4\n", True)]
)
def test_gaps_of_the_cycle_numbers_are_seen(tmp_path: Path, second: str, gaps: bool) -> None:
    text = "device,cycle,HRS (kohm),LRS (kohm)\na,1,90,5\n" + second
    cycles = cycles_of(tmp_path, text)
    assert cycles.gaps is gaps


def test_a_transient_may_hold_conductances(tmp_path: Path) -> None:
    text = "t (s),G (mS),V (V)\n0,1,2\n1,2,2\n2,3,0.1\n"
    trace = sweep(tmp_path, text, kind="transient")
    assert trace.current_a == pytest.approx([2e-3, 4e-3, 0.3e-3])


def test_a_negative_resistance_is_named_with_its_line(tmp_path: Path) -> None:
    trace = sweep(tmp_path, "V (V),I (A)\n0,0\n0.1,-1e-6\n0.2,-2e-6\n0.3,-3e-6\n")
    assert any("line 4: the resistance is negative" in note for note in trace.setup.notes)
    assert trace.current_a == pytest.approx([0, 1e-6, 2e-6, 3e-6])


def test_a_column_has_the_number_of_the_file_even_beside_an_empty_one(tmp_path: Path) -> None:
    rows = "".join(f"p{n},{v},,{1e-6 * v:g}\n" for n, v in enumerate((0.1, 0.2, 0.3)))
    columns = parse_columns("voltage=2,current=4")
    trace = sweep(tmp_path, f"label,V (V),empty,I (A)\n{rows}", columns=columns)
    assert trace.current_a == pytest.approx([1e-7, 2e-7, 3e-7])


def test_a_number_that_is_a_heading_is_said_and_a_hash_means_the_number(tmp_path: Path) -> None:
    text = "x-axis,1,2\nsecond,Volt,Ampere\n0,0.1,1e-6\n1,0.2,2e-6\n2,0.3,3e-6\n"
    for voltage, noted in (("1", True), ("#2", False)):
        columns = parse_columns(f"time=#1,voltage={voltage},current=#3")
        trace = sweep(tmp_path, text, kind="iv", columns=columns)
        assert trace.voltage_v == pytest.approx([0.1, 0.2, 0.3])
        assert any("heading of column 2; write #1" in n for n in trace.setup.notes) is noted


def test_two_states_over_time_are_retention_and_no_cycles(tmp_path: Path) -> None:
    text = "Time (s),HRS (ohm),LRS (ohm)\n" + "".join(f"{10**n},1e6,1e3\n" for n in range(5))
    high, low = forms(tmp_path, text)
    assert isinstance(high, Decay)
    assert (high.setup.device, low.setup.device) == ("file HRS", "file LRS")
    assert (high.unit, low.value[0]) == ("ohm", 1e3)


def test_sweeps_without_times_get_them_from_their_rate(tmp_path: Path) -> None:
    text = "V (V),I (A)\n0,0\n0.1,1e-6\n0.2,2e-6\n0.2,2e-6\n0.1,1e-6\n"
    trace = sweep(tmp_path, text, sweep_rate_v_per_s=0.5)
    assert trace.time_s == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])


def test_an_interval_of_ppf_must_be_positive(tmp_path: Path) -> None:
    text = "interval (ms),PPF\n10,1.5\n0,1.4\n100,1.2\n1000,1.0\n"
    with pytest.raises(InputError, match="line 3: interval is 0"):
        forms(tmp_path, text)


@pytest.mark.parametrize(
    "head",
    [
        "Voltage,Current\nCH1,CH2\nV,uA\n",
        "Voltage,Current\nV,uA\nfirst,second\n",
        "Long Name,Voltage,Current\nUnits,V,µA\nComments,,device 3\n",
    ],
)
def test_rows_of_names_units_and_comments(tmp_path: Path, head: str) -> None:
    margin = "," * (head.splitlines()[0].count(",") - 1)
    rows = "".join(f"{margin}{n / 10},{n}\n" for n in range(5))
    trace = sweep(tmp_path, head + rows)
    assert trace.current_a == pytest.approx([0, 1e-6, 2e-6, 3e-6, 4e-6])
    assert trace.setup.notes == ()


def test_a_clock_may_pass_midnight_and_says_so(tmp_path: Path) -> None:
    stamps = ("23:59:58", "23:59:59.5", "0:00:01", "00:00:01")
    rows = "".join(f"{stamp},{n},{n}e-6\n" for n, stamp in enumerate(stamps))
    trace = sweep(tmp_path, "Time (hh:mm:ss),V (V),I (A)\n" + rows, kind="iv")
    assert trace.time_s == pytest.approx([0, 1.5, 3, 3])
    assert any("is a clock" in note for note in trace.setup.notes)
    with pytest.raises(InputError, match="line 5: the time runs backwards, from 3 to"):
        forms(tmp_path, "Time,V (V),I (A)\n" + rows.replace("00:00:01,", "00:00:00.5,"))
    with pytest.raises(InputError, match="line 3: time is nan"):
        forms(tmp_path, "Time,V (V),I (A)\n" + rows.replace("23:59:59.5", "23:61:00"))


def workbook() -> Any:
    if find_spec("openpyxl") is None:
        lacks("openpyxl is not installed (extra 'measurements')")
    from openpyxl import Workbook

    return Workbook()


def test_clarius_workbook_gives_the_sheets_with_sweeps(tmp_path: Path) -> None:
    book = workbook()
    book.active.title = "Data"
    for row in (["Time", "AV", "AI"], [0, 0.0, 1e-9], [1, 0.1, 2e-9], [2, 0.2, 4e-9]):
        book.active.append(row)
    settings = book.create_sheet("Settings")
    for row in (["Test name", "iv"], ["Mode", "Sweep"], ["Speed", 1]):
        settings.append(row)
    path = tmp_path / "clarius.xlsx"
    book.save(path)
    (table,) = read_tables(path)
    assert [heading.quantity for heading in table.headings] == ["time", "voltage", "current"]
    # Columns of no known name are not left out where no sheet has others: --columns may name them.
    for column, name in (("A", "a"), ("B", "b"), ("C", "c")):
        book["Data"][f"{column}1"] = name
    book.save(path)
    assert "a" in {heading.text for table in read_tables(path) for heading in table.headings}


def test_a_cell_far_outside_its_table_makes_no_huge_one(tmp_path: Path) -> None:
    path, book = tmp_path / "far.xlsx", workbook()
    rows = [["V (V)", "I (A)"], *([n / 10, 1e-6 * n] for n in range(5)), [0.6, "#DIV/0!"]]
    for row in rows:
        book.active.append(row)
    book.active["B7"].data_type = "e"
    far = book.active.cell(20_000, 5_000)
    far.number_format = "0.00"  # a format is no content
    book.save(path)
    (table,) = read_tables(path)
    assert table.frame.shape == (6, 2)
    assert table.frame[1].tolist() == pytest.approx(
        [0, 1e-6, 2e-6, 3e-6, 4e-6, np.nan], nan_ok=True
    )
    far.value = "x"
    book.save(path)
    with pytest.raises(InputError, match=r"'Sheet' spans 20,000 × 5,000 cells; delete what stands"):
        read_tables(path)


def test_without_openpyxl_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with ZipFile(tmp_path / "a.xlsx", "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(MissingExtraError, match="measurements"):
        read_tables(tmp_path / "a.xlsx")


SWEEP = "V (V),I (A)\n0,0\n0.1,1e-6\n0.2,2e-6\n0.3,3e-6\n"


@for_each(
    ("text", "words"),
    [
        ("", "no table of numbers"),
        ("only words\nand more words\n", "no table of numbers"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "neither text nor Excel"),
        (b"PK\x03\x04broken", "workbook|openpyxl"),
        ("V (V),I (A/cm2)\n0,0\n1,1\n2,2\n", "is a current density; multiply it by the area"),
        ("1,2\n3,4\n5,6\n7,8\n", r"cannot be known \(1 to 2, without header\).*--columns"),
        (
            "V (A),I (A)\n0,0\n1,1\n2,2\n",
            r"'V \(A\)' is the voltage but has the unit A; .*--columns",
        ),
        ("V1 (V),V2 (V),I (A)\n0,0,1\n1,1,2\n2,2,3\n", r"and 'V2 \(V\)' may both.*--columns"),
        (SWEEP.replace("0.2,2e-6", "0.2,2 uA"), "line 4: '2 uA' in column 'I .* is not a number"),
        (SWEEP.replace("0.2,2e-6", "0.2,nan"), r"line 4: current is nan.*--drop-bad"),
        (SWEEP.replace("0.2,2e-6", "0.2,9.91e37"), r"line 4: current is nan"),
        (SWEEP.replace("0.2,2e-6", "0.2,2e-6,7"), r"line 4: 3 cells where the rows before have 2"),
        ("V (V),I (A)\n0,0\n", "1 usable rows|no table"),
        (
            "V (V),I (A)\n1e-9,0\n3e-9,0.1\n1e-8,0.2\n9e-8,0.3\n3e-7,0.4\n",
            r"line 2: voltage 1e-09 V and current 0 A look swapped.*--columns",
        ),
        (
            "t (s),V (V),I (A)\n0,0,0\n1,1,1\n0.5,2,2\n2,3,3\n",
            "line 4: the time runs backwards, from 1 to 0.5 s",
        ),
        (
            "2\t9e4\t-5e3\t8e4\t4e3\n3\t9e4\t5e3\t8e4\t4e3\n",
            "line 1: cycle 1 has HRS 90000 and LRS -5000",
        ),
        ("1\t9e-4\t0\t-8e4\t4e3\n2\t9e-4\t0\t-8e4\t4e3\n", r"cannot be known \(1 to 5"),
        ("200\t5e3\t9e4\t4e3\t8e4\n", "look swapped"),
        ("HRS,LRS\n", "no table of numbers"),
        ("nan,nan\nnan,nan\n,\n", "no table of numbers"),
        ("t (s),I (A)\n1,2\n1,3\n1,4\n", "all times or all values are the same"),
        ("t (s),R (ohm)\n1,2\n2,-3\n3,4\n", "line 3: resistance is -3"),
        ("pulse,conductance (S)\n1,1e-6\n2,0\n3,2e-6\n4,3e-6\n", "line 3: conductance is 0.*-bad"),
        ("pulse,conductance (S)\n1,1e-6\n2,2e-6\n3,2e-6\n", "0 cycles"),
    ],
)
def test_bad_files_are_named_with_line_and_remedy(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Exception, match=words) as caught:
        read([put(tmp_path, text)], Request())
    assert caught.type.__name__ in ("InputError", "MissingExtraError")


def test_bad_rows_are_left_out_only_on_request_and_said(tmp_path: Path) -> None:
    text = SWEEP.replace("0.2,2e-6", "0.2,nan") + "0.4,4e-6\n"
    trace = sweep(tmp_path, text, drop_bad=True)
    assert len(trace.voltage_v) == 4
    assert any("line 4" in note and "left out" in note for note in trace.setup.notes)


def test_cycles_and_devices_without_numbers_are_left_out_on_request(tmp_path: Path) -> None:
    text = "1\t9e4\t-5e3\n2\t9e4\t4e3\n"
    cycles = cycles_of(tmp_path, text, kind="endurance", drop_bad=True)
    assert cycles.devices == ("2",)
    with pytest.raises(InputError, match="0 cycles"):
        forms(tmp_path, "1\t9e4\t-5e3\n", kind="endurance", drop_bad=True)


@for_each(
    ("request_", "words"),
    [
        (Request(kind="ive"), "did you mean 'iv'"),
        (Request(areas_m2=[1.0, 2.0]), "--area-um2"),
        (Request(temperatures_k=[-3.0]), "--temperature-k"),
        (Request(thicknesses_m=[0.0]), "--thickness-nm"),
        (Request(kind="area"), "different areas"),
        (Request(columns={"voltage": ("X", "")}), "no column 'X'"),
        (Request(columns={"voltage": ("1", "A")}), "is the voltage but has the unit A"),
        (
            Request(columns={"current": ("2", "arbitrary")}),
            "the current of a sweep .* needs its unit",
        ),
    ],
)
def test_requests_that_do_not_fit(tmp_path: Path, request_: Request, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read([put(tmp_path, SWEEP)], request_)


def test_columns_of_the_user_are_parsed() -> None:
    columns = {"voltage": ("V1", "mV"), "current": ("2", "")}
    assert parse_columns("voltage=V1:mV,current=2") == columns
    for text in ("voltage", "speed=1"):
        with pytest.raises(InputError):
            parse_columns(text)
