"""Exports for simulators: only what a figure determines, everything else by name."""

from __future__ import annotations

import json
import re
from math import inf, nan

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError
from pvkdb.schemas.simulators import Simulator, SimulatorExport
from pvkdb.suitability.simulators.device_parameters import export_device
from pvkdb.suitability.simulators.files import file_text
from pvkdb.suitability.simulators.simulators import (
    FIELDS,
    DeviceFigures,
    SourcedNumber,
    export_parameters,
)

FULL = DeviceFigures(
    on_off=SourcedNumber(1e3, "Table 4 row 14"),
    r_lrs_ohm=SourcedNumber(2e4, "given"),
    v_read_v=SourcedNumber(-0.5, "given"),
    states=SourcedNumber(32, "given"),
)


def export(simulator: Simulator, figures: DeviceFigures = FULL) -> SimulatorExport:
    return export_parameters(simulator, figures, "d", "ITO/MAPbI3/Ag", "r1")


RATIO = DeviceFigures(on_off=SourcedNumber(10, "s"))
TWO = DeviceFigures(states=SourcedNumber(2, "s"))


@pytest.mark.parametrize("simulator", list(Simulator))
@pytest.mark.parametrize("figures", [FULL, DeviceFigures(), RATIO, TWO])
def test_every_field_is_determined_or_missing(simulator: Simulator, figures: DeviceFigures) -> None:
    found = export(simulator, figures)
    names = [entry.name for entry in found.parameters] + [entry.name for entry in found.missing]
    assert sorted(names) == sorted(field.name for field in FIELDS[simulator])
    assert all(entry.source for entry in found.parameters)
    assert all(entry.needs for entry in found.missing)


def test_aihwkit_gets_conductances_in_microsiemens_and_the_step_between_states() -> None:
    """20 kΩ are 50 μS; 32 states from −1 to 1 lie 2/31 apart."""
    document = json.loads(file_text(export(Simulator.AIHWKIT)))
    assert document["g_converter"]["g_max"] == pytest.approx(50)
    assert document["g_converter"]["g_min"] == pytest.approx(0.05)
    assert document["g_converter"]["class"].endswith(".SinglePairConductanceConverter")
    device = document["rpu_config"]["device"]
    assert device["class"] == "aihwkit.simulator.configs.ConstantStepDevice"
    assert device["dw_min"] == pytest.approx(2 / 31)
    assert "device.dw_min_dtod" in document["missing"]


def test_crosssim_gets_a_tree_of_its_parameters() -> None:
    text = file_text(export(Simulator.CROSSSIM))
    device = {"Rmin": 2e4, "Rmax": 2e7, "infinite_on_off_ratio": False, "cell_bits": 5}
    assert yaml.safe_load(text) == {"xbar": {"device": device}}
    assert "# missing: xbar.device.read_noise" in text


def test_neurosim_gets_lines_of_its_param_file() -> None:
    lines = file_text(export(Simulator.NEUROSIM)).splitlines()
    code = [line.partition("//")[0].strip() for line in lines]
    assert " ".join(filter(None, code)) == (
        "memcelltype = 2; resistanceOn = 20000; resistanceOff = 20000000; cellBit = 5; "
        "readVoltage = 0.5;"
    )
    assert any(line.startswith("// missing: writeVoltage") for line in lines)


def test_a_ratio_alone_ties_two_missing_resistances() -> None:
    alone = DeviceFigures(on_off=SourcedNumber(1e3, "Table 4 row 1"))
    found = export(Simulator.CROSSSIM, alone)
    assert found.relations == ["xbar.device.Rmax / xbar.device.Rmin = 1000 (Table 4 row 1)"]
    assert {"xbar.device.Rmin", "xbar.device.Rmax"} <= {entry.name for entry in found.missing}
    assert export(Simulator.CROSSSIM).relations == []
    assert yaml.safe_load(file_text(export(Simulator.CROSSSIM, DeviceFigures()))) == {}


@given(st.floats(1.5, 1e9), st.floats(1, 1e9))
@settings(deadline=None)
def test_all_simulators_get_the_same_on_off_ratio(ratio: float, ohm: float) -> None:
    figures = DeviceFigures(on_off=SourcedNumber(ratio, "s"), r_lrs_ohm=SourcedNumber(ohm, "s"))
    values = {
        entry.name: entry.value
        for simulator in Simulator
        for entry in export(simulator, figures).parameters
    }
    pairs = (("g_converter.g_max", "g_converter.g_min"), ("resistanceOff", "resistanceOn"))
    for high, low in pairs:
        assert float(values[high]) / float(values[low]) == pytest.approx(ratio)
    assert values["xbar.device.Rmax"] == values["resistanceOff"]


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"on_off": SourcedNumber(0.5, "s")}, "on/off ratio = 0.5 is out of range"),
        ({"on_off": SourcedNumber(inf, "s")}, "on/off ratio = inf is out of range"),
        ({"r_lrs_ohm": SourcedNumber(0, "s")}, "R_LRS = 0 is out of range"),
        ({"r_lrs_ohm": SourcedNumber(-1e4, "s")}, "R_LRS = -10000 is out of range"),
        ({"r_lrs_ohm": SourcedNumber(nan, "s")}, "R_LRS = nan is out of range"),
        ({"states": SourcedNumber(1, "s")}, "number of states = 1 is out of range"),
        ({"v_read_v": SourcedNumber(0, "s")}, "read voltage = 0 V reads nothing"),
    ],
)
def test_what_no_device_has_is_refused(figures: dict[str, SourcedNumber], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        DeviceFigures(**figures)


def test_a_device_of_the_store(literature: Session) -> None:
    # Row 15 has no on/off ratio; the text claims 8 states for its publication, ref. 110.
    bare = export_device(literature, "d-t4-r15", Simulator.NEUROSIM)
    assert [entry.name for entry in bare.parameters] == ["memcelltype"]
    (claim,) = bare.claims
    assert claim.startswith("c-s5.1.2-010: states 8")
    voltage = next(entry for entry in bare.missing if entry.name == "writeVoltage")
    assert "1.8 to 3 V" in voltage.needs
    used = export_device(literature, "d-t4-r15", Simulator.NEUROSIM, claims=["c-s5.1.2-010"])
    assert {entry.name: entry.value for entry in used.parameters}["cellBit"] == 3

    with pytest.raises(NotFoundError, match="no device"):
        export_device(literature, "nope", Simulator.AIHWKIT)
    with pytest.raises(NotFoundError, match="claim 'c-none' does not exist"):
        export_device(literature, "d-t4-r15", Simulator.AIHWKIT, claims=["c-none"])
    with pytest.raises(InputError, match="determines no parameter"):
        export_device(literature, "d-t4-r15", Simulator.AIHWKIT, claims=["c-s5.1.2-006"])
    with pytest.raises(InputError, match=r"is of r110, d-t4-r14 of r108"):
        export_device(literature, "d-t4-r14", Simulator.AIHWKIT, claims=["c-s5.1.2-010"])
    with pytest.raises(InputError, match="given twice"):
        export_device(literature, "d-t4-r15", Simulator.AIHWKIT, states=4, claims=["c-s5.1.2-010"])
