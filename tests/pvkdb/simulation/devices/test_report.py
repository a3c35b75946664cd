"""The report of a simulated device: every input with its source, in each kind of file."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.simulations import SimulationResult

report = import_module("pvkdb.simulation.devices.report")

RESULT = SimulationResult.model_validate(
    {
        "formula": "CsPbBr3",
        "phase": "Pnma",
        "defect": "V_Br",
        "stack": "ITO/CsPbBr3/Ag",
        "inputs": [
            {"name": "vacancies", "value": 1e-4, "low": 1e-5, "high": 1e-3, "unit": "1"}
            | {"source": "a <source>", "basis": "assumed"}
        ],
        "quantities": [
            {"name": "relaxation time", "value": 2e-5, "unit": "s", "source": "exact"}
            | {"decades": 3.5, "shares": {"vacancies": 0.995, "other": 0.005}, "missing": "why"}
        ],
        "loops": [
            {"rate_v_per_s": rate, "time_s": [0, 1, 2], "voltage_v": [0, 1, 0]}
            | {"current_a_per_m2": [0, 10, 1]}
            for rate in (1, 10)
        ],
        "pulse": {"rate_v_per_s": None, "time_s": [0, 1, 2], "voltage_v": [0, 1, 0]}
        | {"current_a_per_m2": [0, 10, 1]},
        "motion": {"position_nm": [0, 50, 100], "time_s": [0, 1], "voltage_v": [0, 1]}
        | {"vacancies_per_cm3": [[1e18, 1e18, 1e18], [1e20, 1e18, 1e15]]},
        "notes": ["a note"],
        "cpu_seconds": 1.0,
    }
)


def test_the_parts_show_value_cause_and_source() -> None:
    page = report.report_page(RESULT)
    said = ("<td>relaxation time</td>", "2 × 10⁻⁵ s", "vacancies 100 %</td>", "not shown")
    assert [words for words in (*said, "a &lt;source&gt;") if words not in page] == []
    assert "<img" not in page


def test_pictures_have_every_loop_and_the_ends_of_the_motion() -> None:
    loops, pulse, motion = report.plots(RESULT)
    assert [name for name, _, _ in loops[4]] == ["1 V/s", "10 V/s"]
    assert pulse[3] == "xy"
    assert (motion[4][0][0], motion[4][-1][0]) == ("0 V", "1 V")
    assert motion[4][-1][2].tolist() == [1e20, 1e18, 1e15]


@pytest.mark.slow
def test_files_of_each_kind_are_the_same_each_time() -> None:
    assert json.loads(report.report_file(RESULT, "json"))["stack"] == "ITO/CsPbBr3/Ag"
    page = report.report_file(RESULT, "html").decode()
    assert page.count("<img") == 3
    assert "no measured device has confirmed" in page
    assert report.report_file(RESULT, "pdf") == report.report_file(RESULT, "pdf")
    with pytest.raises(InputError, match="choose one of html, pdf, json"):
        report.report_file(RESULT, "docx")
