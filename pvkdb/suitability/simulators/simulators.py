"""Device parameters for aihwkit, CrossSim and NeuroSim, from measured values only.

A parameter is written only if a figure determines it; all others that describe the device are
listed as missing, under the simulator's own name. Names are those of

- aihwkit 1.1.0 (``ConstantStepDevice``, ``SinglePairConductanceConverter``): Rasch et al., IEEE
  AICAS 2021, doi 10.1109/AICAS51828.2021.9458494;
- CrossSim 3 (``xbar.device`` of its parameters), Sandia National Laboratories;
- DNN+NeuroSim V1.4 (``Param.cpp``): Peng et al., IEEE TCAD 2021, 40, 2306, doi
  10.1109/TCAD.2020.3043731.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log2

from pvkdb.errors import InputError
from pvkdb.schemas.simulators import MissingParameter, Parameter, Simulator, SimulatorExport

VERSIONS = {
    Simulator.AIHWKIT: "aihwkit 1.1.0",
    Simulator.CROSSSIM: "CrossSim 3",
    Simulator.NEUROSIM: "DNN+NeuroSim V1.4",
}


@dataclass(frozen=True, slots=True)
class SourcedNumber:
    """A measured number and its source."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class DeviceFigures:
    """The known figures of a device: on/off ratio, R_LRS in ohm, read voltage in V, states.

    ``v_set`` and ``retention`` are texts of figures that are known but determine no parameter.
    """

    on_off: SourcedNumber | None = None
    r_lrs_ohm: SourcedNumber | None = None
    v_read_v: SourcedNumber | None = None
    states: SourcedNumber | None = None
    v_set: str | None = None
    retention: str | None = None

    def __post_init__(self) -> None:
        for name, figure, least in (
            ("on/off ratio", self.on_off, 1.0),
            ("R_LRS", self.r_lrs_ohm, 0.0),
            ("number of states", self.states, 1.0),
        ):
            if figure is not None and not (isfinite(figure.value) and figure.value > least):
                raise InputError(
                    f"{name} = {figure.value:g} is out of range; give a finite number above "
                    f"{least:g}"
                )
        if self.v_read_v is not None and not (
            isfinite(self.v_read_v.value) and self.v_read_v.value
        ):
            raise InputError(f"read voltage = {self.v_read_v.value:g} V reads nothing; give volts")


#: Makes a value and its source from figures; None if a figure is missing.
Derivation = Callable[[DeviceFigures], tuple[float | int | bool | str, str] | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A simulator parameter that describes the device, and how it is derived from figures."""

    name: str
    unit: str
    derive: Derivation
    needs: str


def export_parameters(
    simulator: Simulator,
    figures: DeviceFigures,
    device: str,
    structure: str,
    references: str,
    claims: Sequence[str] = (),
) -> SimulatorExport:
    """Return the parameters that the figures of a device determine, and those that are missing."""
    derived = [(rule, rule.derive(figures)) for rule in FIELDS[simulator]]
    return SimulatorExport(
        simulator=simulator,
        version=VERSIONS[simulator],
        device=device,
        structure=structure,
        references=references,
        parameters=[
            Parameter(name=rule.name, value=found[0], unit=rule.unit, source=found[1])
            for rule, found in derived
            if found is not None
        ],
        missing=[
            MissingParameter(name=rule.name, unit=rule.unit, needs=_reason(rule, figures))
            for rule, found in derived
            if found is None
        ],
        relations=_relations(simulator, figures),
        claims=list(claims),
    )


def _r_lrs(figures: DeviceFigures) -> tuple[float, str] | None:
    known = figures.r_lrs_ohm
    return None if known is None else (known.value, f"R_LRS ({known.source})")


def _r_hrs(figures: DeviceFigures) -> tuple[float, str] | None:
    low, on_off = figures.r_lrs_ohm, figures.on_off
    if low is None or on_off is None:
        return None
    return low.value * on_off.value, f"R_LRS ({low.source}) × on/off ratio ({on_off.source})"


def _microsiemens(resistance: Callable[[DeviceFigures], tuple[float, str] | None]) -> Derivation:
    def derive(figures: DeviceFigures) -> tuple[float, str] | None:
        found = resistance(figures)
        return None if found is None else (1e6 / found[0], f"1 / ({found[1]})")

    return derive


def _step(figures: DeviceFigures) -> tuple[float, str] | None:
    if (states := figures.states) is None:
        return None
    return 2 / (states.value - 1), f"w_max − w_min over states − 1 ({states.source})"


def _bits(figures: DeviceFigures) -> tuple[int, str] | None:
    if (states := figures.states) is None:
        return None
    return floor(log2(states.value)), f"whole bits of the states ({states.source})"


def _read_voltage(figures: DeviceFigures) -> tuple[float, str] | None:
    known = figures.v_read_v
    return None if known is None else (abs(known.value), known.source)


def _finite_ratio(figures: DeviceFigures) -> tuple[bool, str] | None:
    return None if figures.on_off is None else (False, f"on/off ratio ({figures.on_off.source})")


def _range(bound: float) -> Derivation:
    """Return an end of the weight range, a normalisation that the step size needs."""
    found = bound, "normalisation: weights from −1 to 1"
    return lambda figures: None if figures.states is None else found


def _memristor(figures: DeviceFigures) -> tuple[int, str]:
    return 2, "RRAM: every device of the store is a memristor"


def _never(figures: DeviceFigures) -> None:
    return None


_R_LRS_NEEDS = "R_LRS at the read voltage (give it with --r-lrs)"
_R_HRS_NEEDS = "R_LRS at the read voltage and the on/off ratio"
_STATES_NEEDS = "the number of distinct states (give it with --states)"
_SPREAD = "a distribution over devices"
_CYCLES = "a distribution over cycles"

#: Places for a figure that is known but does not suffice: `needs` may end in one of them.
_V_SET, _RETENTION = "{v_set}", "{retention}"

FIELDS: dict[Simulator, tuple[Rule, ...]] = {
    Simulator.AIHWKIT: (
        Rule("g_converter.g_max", "μS", _microsiemens(_r_lrs), _R_LRS_NEEDS),
        Rule("g_converter.g_min", "μS", _microsiemens(_r_hrs), _R_HRS_NEEDS),
        Rule("device.w_max", "1", _range(1.0), _STATES_NEEDS),
        Rule("device.w_min", "1", _range(-1.0), _STATES_NEEDS),
        Rule("device.dw_min", "1", _step, _STATES_NEEDS),
        Rule("device.up_down", "1", _never, "potentiation and depression under equal pulses"),
        Rule("device.dw_min_std", "1", _never, f"steps of the conductance: {_CYCLES}"),
        Rule("device.dw_min_dtod", "1", _never, f"steps of the conductance: {_SPREAD}"),
        Rule("device.w_max_dtod", "1", _never, f"the largest conductance: {_SPREAD}"),
        Rule("device.w_min_dtod", "1", _never, f"the smallest conductance: {_SPREAD}"),
        Rule("device.up_down_dtod", "1", _never, f"up and down steps: {_SPREAD}"),
        Rule("device.lifetime", "1", _never, f"the decay of a state over time{_RETENTION}"),
        Rule("noise_model", "", _never, f"read noise, programming noise and drift{_RETENTION}"),
    ),
    Simulator.CROSSSIM: (
        Rule("xbar.device.Rmin", "ohm", _r_lrs, _R_LRS_NEEDS),
        Rule("xbar.device.Rmax", "ohm", _r_hrs, _R_HRS_NEEDS),
        Rule("xbar.device.infinite_on_off_ratio", "", _finite_ratio, "the on/off ratio"),
        Rule("xbar.device.cell_bits", "bit", _bits, _STATES_NEEDS),
        Rule("xbar.device.programming_error", "", _never, f"programmed states: {_SPREAD}"),
        Rule("xbar.device.read_noise", "", _never, f"the current of a state: {_CYCLES}"),
        Rule(
            "xbar.device.drift_error",
            "",
            _never,
            f"the conductance of states over time{_RETENTION}",
        ),
    ),
    Simulator.NEUROSIM: (
        Rule("memcelltype", "", _memristor, ""),
        Rule("accesstype", "", _never, "the circuit: what selects a cell"),
        Rule("resistanceOn", "ohm", _r_lrs, _R_LRS_NEEDS),
        Rule("resistanceOff", "ohm", _r_hrs, _R_HRS_NEEDS),
        Rule("cellBit", "bit", _bits, _STATES_NEEDS),
        Rule("readVoltage", "V", _read_voltage, "the read voltage (give it with --v-read)"),
        Rule("readPulseWidth", "s", _never, "the read pulse"),
        Rule("writeVoltage", "V", _never, f"a write pulse{_V_SET}"),
        Rule("accessVoltage", "V", _never, "the circuit: the gate of the access transistor"),
        Rule("resistanceAccess", "ohm", _never, "the circuit: the access transistor"),
    ),
}


def _reason(field: Rule, figures: DeviceFigures) -> str:
    v_set = f"; the SET voltage of {figures.v_set} may not be that of a pulse"
    retention = (
        f"; a retention of {figures.retention} only shows that the states were still distinct"
    )
    return field.needs.replace(_V_SET, v_set if figures.v_set else "").replace(
        _RETENTION, retention if figures.retention else ""
    )


def _relations(simulator: Simulator, figures: DeviceFigures) -> list[str]:
    """Return the on/off ratio if no resistance is known: it relates two missing parameters."""
    if figures.on_off is None or figures.r_lrs_ohm is not None:
        return []
    ratio = f"{figures.on_off.value:g} ({figures.on_off.source})"
    high, low = {
        Simulator.AIHWKIT: ("g_converter.g_max", "g_converter.g_min"),
        Simulator.CROSSSIM: ("xbar.device.Rmax", "xbar.device.Rmin"),
        Simulator.NEUROSIM: ("resistanceOff", "resistanceOn"),
    }[simulator]
    return [f"{high} / {low} = {ratio}"]
