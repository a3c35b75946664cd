"""Files as instruments of several countries write them: right units, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Trace
from pvkdb.measurements.reading import Request, parse_columns, read

from ...each import for_each

#: Time in s, voltage in V, current in A.
POINTS = [(0.0, 0.0, 1e-9), (0.1, 0.1, 2.5e-6), (0.2, 0.2, 5e-6), (0.3, 0.3, 7.5e-6)]


def rows(pattern: str, comma: bool = False, **scales: float) -> str:
    """A line for each point; ``comma`` is the decimal sign of the values."""
    lines = []
    for n, (t, v, i) in enumerate(POINTS):
        values = {"t": t, "v": v * scales.get("v", 1), "i": i * scales.get("i", 1)}
        shown = {k: f"{x:.6E}" if k == "i" else f"{x:.3f}" for k, x in values.items()}
        if comma:
            shown = {key: text.replace(".", ",") for key, text in shown.items()}
        lines.append(pattern.format(n=n, **shown))
    return "\n".join(lines) + "\n"


LABVIEW = (
    "LabVIEW Measurement\t\nWriter_Version\t2\nSeparator\tTab\nDecimal_Separator\t,\n"
    "Date\t2026/11/27\nTime\t11:22:33,123\n***End_of_Header***\t\n\t\nChannels\t2\t\t\n"
    "Samples\t4\t4\t\nX_Dimension\tTime\tTime\t\n***End_of_Header***\t\t\t\n"
    "X_Value\tVoltage (V)\tCurrent (A)\tComment\n" + rows("{t}\t{v}\t{i}\t", comma=True)
)
GERMAN = "Zeit [s]\tSpannung [V]\tStrom [µA]\n" + rows("{t}\t{v}\t{i}", comma=True, i=1e6)

#: What holds no time, or stamps that are no times of points.
UNTIMED = {
    *("LabVIEW measurement file", "a row of units in brackets", "commas in quoted headings"),
    "ends of lines of an old Macintosh",
}
READ: dict[str, str | bytes] = {
    "Keithley 4200, settings behind the table": (
        "AnodeI,AnodeV,Time\n" + rows("{i},{v},{t}") + "\n====\nTest Name,res#1@1\nMode,Sweeping\n"
    ),
    "Keithley KickStart": (
        "Instrument,2450-1\r\n\r\nIndex,SMU-1 Voltage (V),SMU-1 Current (A),SMU-1 Time (s)\r\n"
        + rows("{n},{v},{i},{t}")
    ),
    "Keithley, codes for missing resistances": (
        "VOLT,CURR,RES,TIME,STAT\n" + rows("+{v},+{i},+9.910000E+37,+{t},21508")
    ),
    "B1500 with metadata": (
        "SetupTitle, I/V Sweep\nTestParameter, Channel.VName, V1, V2\nDimension1, 4, 4\n"
        "DataName, V1, I1, Time\n" + rows("DataValue, {v}, {i}, {t}")
    ),
    "LabVIEW measurement file": LABVIEW,
    "LabVIEW text, decimal commas": GERMAN,
    "UTF-16, little end first": b"\xff\xfe" + GERMAN.encode("utf-16-le"),
    "UTF-16, big end first": b"\xfe\xff" + GERMAN.encode("utf-16-be"),
    "UTF-16 without a mark": GERMAN.encode("utf-16-le"),
    "UTF-16 without a mark, big end first": GERMAN.encode("utf-16-be"),
    "UTF-8 with a byte order mark": b"\xef\xbb\xbf" + GERMAN.encode(),
    "Windows code page": "Zeit in s;Spannung in mV;Strom in µA\n".encode("cp1252")
    + rows("{t};{v};{i}", True, v=1e3, i=1e6).encode("cp1252"),
    "European dates beside the values": "Datum;Uhrzeit;Spannung (V);Strom (A)\n"
    + rows("27.11.2026;11:22:30,{n};{v};{i}", True),
    "stamps of a clock": "Timestamp,V (V),I (A)\n" + rows("2026-11-27 11:22:30.{n},{v},{i}"),
    "German names with symbols": "Messzeit/s;Spannung U/V;Stromstärke I/mA\n"
    + rows("{t};{v};{i}", True, i=1e3),
    "French names and a comment": "# Station; mardi\nTemps (s);Tension (V);Courant (A)\n"
    + rows("{t};{v};{i}", True),
    "a row of units in brackets": "Spannung;Strom\n[V];[mA]\n" + rows("{v};{i}", True, i=1e3),
    "commas in quoted headings": '"V, mV","I, nA"\n' + rows('"{v}","{i}"', v=1e3, i=1e9),
    "EC-Lab": "EC-Lab ASCII FILE\nNb header lines : 4\n\nmode\ttime/s\tEwe/V\t<I>/mA\n"
    + rows("1\t{t}\t{v}\t{i}", i=1e3),
    "ends of lines of an old Macintosh": "V (V),I (A)\r" + rows("{v},{i}").replace("\n", "\r"),
}


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "sweep.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@for_each("name", READ)
def test_right_quantities_and_units(tmp_path: Path, name: str) -> None:
    ((trace,),) = read([written(tmp_path, READ[name])], Request()).values()
    assert isinstance(trace, Trace)
    t, v, i = zip(*POINTS, strict=True)
    assert trace.voltage_v == pytest.approx(v)
    assert trace.current_a == pytest.approx(i)
    assert trace.time_s is None if name in UNTIMED else trace.time_s == pytest.approx(t)


@for_each(
    ("content", "words"),
    [
        ("V,I\n" + rows("{v},{i}", comma=True), "line 2: 2 names for 4 columns.*semicolons"),
        ("V (mV),I (nA)\n" + '1,1\n2,2\n3,"2,500.0"\n', "line 4: '2,500.0' .*is not a number"),
        (
            ("V (V),I (A)\n" + rows("{v},{i}")) * 2,
            r"line 6: 'V \(V\)' in column .*a file of its own",
        ),
        (
            "Timestamp,V (V),I (A)\n" + rows("11/12/2026 11:22:3{n} AM,{v},{i}"),
            "line 2: '11/12/2026 11:22:30 AM' in column 'Timestamp' .*2026-11-27 11:22:33",
        ),
        ("V;I\n" + rows("{v} V;{i} A"), "no table of numbers: give a row for each point"),
        (
            "Reading,Unit,Time,Value,Relative Time\n" + rows("{i},Amp DC,11:22:3{n},{v},{t}"),
            "cannot be known .*'Reading'.*--columns",
        ),
        ("V (V),J (A/cm2)\n" + rows("{v},{i}"), r"'J \(A/cm2\)' is a current density; multiply"),
        ("V (V),Current (mA/cm²)\n" + rows("{v},{i}"), "is a current density; multiply"),
        ("V (V),log10(I)\n" + rows("{v},{i}"), r"cannot be known .*'log10\(I\)'.*--columns"),
        ("x-axis,1,2\nsecond,Volt,Volt\n" + rows("{t},{v},{i}"), "cannot be known.*--columns"),
        ("2Theta,Counts\n10,100\n10.1,120\n10.2,90\n", "cannot be known .*'2Theta', 'Counts'"),
        (rows("{t}\t{v}\t{i}", comma=True), "1 to 3, without header.*--columns"),
    ],
)
def test_what_cannot_be_known_is_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read([written(tmp_path, content)], Request())


def test_the_buffer_of_a_2450_needs_the_names_of_its_columns(tmp_path: Path) -> None:
    head = "Index,Reading,Unit,Date,Time,Value,Unit,Relative Time\n"
    table = rows("{n},{i},Amp DC,11/27/2026,11:22:3{n},{v},Volt DC,{t}")
    columns = parse_columns("current=Reading:A,voltage=Value:V,time=Relative Time:s")
    ((trace,),) = read([written(tmp_path, head + table)], Request(columns=columns)).values()
    assert trace.current_a == pytest.approx([i for _, _, i in POINTS])
    assert trace.time_s == pytest.approx([t for t, _, _ in POINTS])
    assert trace.setup.notes == ()
