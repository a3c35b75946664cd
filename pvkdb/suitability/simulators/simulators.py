"""Device parameters for aihwkit, CrossSim and NeuroSim, from what is measured and nothing else.

A field is written only where a figure determines it; all others that describe the device are listed
as missing, under the simulator's own name. Names are those of

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
class Figure:
    """A measured number and the words for where it comes from."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a device: on/off ratio, R_LRS in ohm, read voltage in V, distinct states.

    ``v_set`` and ``retention`` are the words for figures that are known but determine nothing.
    """

    on_off: Figure | None = None
    r_lrs_ohm: Figure | None = None
    v_read_v: Figure | None = None
    states: Figure | None = None
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


#: A value made from figures with the words for them, or None where one lacks.
Derivation = Callable[[Figures], tuple[float | int | bool | str, str] | None]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of a simulator that describes the device."""

    name: str
    unit: str
    derive: Derivation
    needs: str


def export_parameters(
    simulator: Simulator,
    figures: Figures,
    device: str,
    structure: str,
    references: str,
    claims: Sequence[str] = (),
) -> SimulatorExport:
    """What the figures of a device determine of a simulator's parameters, and what they do not."""
    determined: list[Parameter] = []
    missing: list[MissingParameter] = []
    for field in FIELDS[simulator]:
        if (derived := field.derive(figures)) is None:
            missing.append(
                MissingParameter(name=field.name, unit=field.unit, needs=_reason(field, figures))
            )
        else:
            value, source = derived
            determined.append(
                Parameter(name=field.name, value=value, unit=field.unit, source=source)
            )
    return SimulatorExport(
        simulator=simulator,
        version=VERSIONS[simulator],
        device=device,
        structure=structure,
        references=references,
        parameters=determined,
        missing=missing,
        relations=_relations(simulator, figures),
        claims=list(claims),
    )


def _r_lrs(figures: Figures) -> tuple[float, str] | None:
    if figures.r_lrs_ohm is None:
        return None
    return figures.r_lrs_ohm.value, f"R_LRS ({figures.r_lrs_ohm.source})"


def _r_hrs(figures: Figures) -> tuple[float, str] | None:
    if figures.r_lrs_ohm is None or figures.on_off is None:
        return None
    words = f"R_LRS ({figures.r_lrs_ohm.source}) × on/off ratio ({figures.on_off.source})"
    return figures.r_lrs_ohm.value * figures.on_off.value, words


def _microsiemens(resistance: Callable[[Figures], tuple[float, str] | None]) -> Derivation:
    def derive(figures: Figures) -> tuple[float, str] | None:
        found = resistance(figures)
        return None if found is None else (1e6 / found[0], f"1 / ({found[1]})")

    return derive


def _step(figures: Figures) -> tuple[float, str] | None:
    if (states := figures.states) is None:
        return None
    return 2 / (states.value - 1), f"w_max − w_min over states − 1 ({states.source})"


def _bits(figures: Figures) -> tuple[int, str] | None:
    if (states := figures.states) is None:
        return None
    return floor(log2(states.value)), f"whole bits of the states ({states.source})"


def _read_voltage(figures: Figures) -> tuple[float, str] | None:
    if figures.v_read_v is None:
        return None
    return abs(figures.v_read_v.value), figures.v_read_v.source


def _finite_ratio(figures: Figures) -> tuple[bool, str] | None:
    return None if figures.on_off is None else (False, f"on/off ratio ({figures.on_off.source})")


def _range(bound: float) -> Derivation:
    """The end of the weights: a normalisation, needed only to say how large a step is."""

    def derive(figures: Figures) -> tuple[float, str] | None:
        known = figures.states is not None
        return (bound, "normalisation: weights from −1 to 1") if known else None

    return derive


def _memristor(figures: Figures) -> tuple[int, str]:
    return 2, "RRAM: every device of the store is a memristor"


def _never(figures: Figures) -> None:
    return None


_R_LRS_NEEDS = "R_LRS at the read voltage (give it with --r-lrs)"
_R_HRS_NEEDS = "R_LRS at the read voltage and the on/off ratio"
_STATES_NEEDS = "the number of distinct states (give it with --states)"
_SPREAD = "a distribution over devices"
_CYCLES = "a distribution over cycles"

#: Words that stand for a figure that is known and does not do: `needs` may end in one of them.
_V_SET, _RETENTION = "{v_set}", "{retention}"

FIELDS: dict[Simulator, tuple[Field, ...]] = {
    Simulator.AIHWKIT: (
        Field("g_converter.g_max", "μS", _microsiemens(_r_lrs), _R_LRS_NEEDS),
        Field("g_converter.g_min", "μS", _microsiemens(_r_hrs), _R_HRS_NEEDS),
        Field("device.w_max", "1", _range(1.0), _STATES_NEEDS),
        Field("device.w_min", "1", _range(-1.0), _STATES_NEEDS),
        Field("device.dw_min", "1", _step, _STATES_NEEDS),
        Field("device.up_down", "1", _never, "potentiation and depression under equal pulses"),
        Field("device.dw_min_std", "1", _never, f"steps of the conductance: {_CYCLES}"),
        Field("device.dw_min_dtod", "1", _never, f"steps of the conductance: {_SPREAD}"),
        Field("device.w_max_dtod", "1", _never, f"the largest conductance: {_SPREAD}"),
        Field("device.w_min_dtod", "1", _never, f"the smallest conductance: {_SPREAD}"),
        Field("device.up_down_dtod", "1", _never, f"up and down steps: {_SPREAD}"),
        Field("device.lifetime", "1", _never, f"the decay of a state over time{_RETENTION}"),
        Field("noise_model", "", _never, f"read noise, programming noise and drift{_RETENTION}"),
    ),
    Simulator.CROSSSIM: (
        Field("xbar.device.Rmin", "ohm", _r_lrs, _R_LRS_NEEDS),
        Field("xbar.device.Rmax", "ohm", _r_hrs, _R_HRS_NEEDS),
        Field("xbar.device.infinite_on_off_ratio", "", _finite_ratio, "the on/off ratio"),
        Field("xbar.device.cell_bits", "bit", _bits, _STATES_NEEDS),
        Field("xbar.device.programming_error", "", _never, f"programmed states: {_SPREAD}"),
        Field("xbar.device.read_noise", "", _never, f"the current of a state: {_CYCLES}"),
        Field(
            "xbar.device.drift_error",
            "",
            _never,
            f"the conductance of states over time{_RETENTION}",
        ),
    ),
    Simulator.NEUROSIM: (
        Field("memcelltype", "", _memristor, ""),
        Field("accesstype", "", _never, "the circuit: what selects a cell"),
        Field("resistanceOn", "ohm", _r_lrs, _R_LRS_NEEDS),
        Field("resistanceOff", "ohm", _r_hrs, _R_HRS_NEEDS),
        Field("cellBit", "bit", _bits, _STATES_NEEDS),
        Field("readVoltage", "V", _read_voltage, "the read voltage (give it with --v-read)"),
        Field("readPulseWidth", "s", _never, "the read pulse"),
        Field("writeVoltage", "V", _never, f"a write pulse{_V_SET}"),
        Field("accessVoltage", "V", _never, "the circuit: the gate of the access transistor"),
        Field("resistanceAccess", "ohm", _never, "the circuit: the access transistor"),
    ),
}


def _reason(field: Field, figures: Figures) -> str:
    v_set = f"; the SET voltage of {figures.v_set} is not said to be one of a pulse"
    retention = f"; a retention of {figures.retention} only says that a state was still told apart"
    return field.needs.replace(_V_SET, v_set if figures.v_set else "").replace(
        _RETENTION, retention if figures.retention else ""
    )


def _relations(simulator: Simulator, figures: Figures) -> list[str]:
    """The on/off ratio where no resistance is known: it ties two missing parameters."""
    if figures.on_off is None or figures.r_lrs_ohm is not None:
        return []
    ratio = f"{figures.on_off.value:g} ({figures.on_off.source})"
    high, low = {
        Simulator.AIHWKIT: ("g_converter.g_max", "g_converter.g_min"),
        Simulator.CROSSSIM: ("xbar.device.Rmax", "xbar.device.Rmin"),
        Simulator.NEUROSIM: ("resistanceOff", "resistanceOn"),
    }[simulator]
    return [f"{high} / {low} = {ratio}"]
