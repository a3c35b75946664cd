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
from operator import mul

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


@dataclass(frozen=True, slots=True)
class Rule:
    """A simulator parameter that describes the device, and how figures determine it.

    ``needs`` says what is missing without the ``figures``, from whose numbers ``derive`` makes the
    value; ``source`` is a format of their sources. Without ``derive``, no figure determines it.
    """

    name: str
    unit: str
    needs: str
    figures: tuple[str, ...] = ()
    derive: Callable[..., float | int | bool | str] | None = None
    source: str = ""


def export_parameters(
    simulator: Simulator,
    figures: DeviceFigures,
    device: str,
    structure: str,
    references: str,
    claims: Sequence[str] = (),
) -> SimulatorExport:
    """Return the parameters that the figures of a device determine, and those that are missing."""
    parameters, missing = list[Parameter](), list[MissingParameter]()
    for rule in FIELDS[simulator]:
        known = [getattr(figures, name) for name in rule.figures]
        if rule.derive is None or None in known:
            missing.append(
                MissingParameter(name=rule.name, unit=rule.unit, needs=_reason(rule, figures))
            )
        else:
            value = rule.derive(*(each.value for each in known))
            source = rule.source.format(*(each.source for each in known))
            parameters.append(Parameter(name=rule.name, value=value, unit=rule.unit, source=source))
    return SimulatorExport(
        simulator=simulator,
        version=VERSIONS[simulator],
        device=device,
        structure=structure,
        references=references,
        parameters=parameters,
        missing=missing,
        relations=_relations(simulator, figures),
        claims=list(claims),
    )


_SPREAD = "a distribution over devices"
_CYCLES = "a distribution over cycles"
_R_LRS = ("R_LRS at the read voltage (give it with --r-lrs)", ("r_lrs_ohm",))
_R_HRS = ("R_LRS at the read voltage and the on/off ratio", ("r_lrs_ohm", "on_off"))
_STATES = ("the number of distinct states (give it with --states)", ("states",))
_V_READ = ("the read voltage (give it with --v-read)", ("v_read_v",))
_OF_R_LRS, _OF_R_HRS = "R_LRS ({})", "R_LRS ({}) × on/off ratio ({})"
#: The step of states needs a range of weights, for which any will do.
_WEIGHTS = "normalisation: weights from −1 to 1"
_BITS = (lambda states: floor(log2(states)), "whole bits of the states ({})")

FIELDS: dict[Simulator, tuple[Rule, ...]] = {
    Simulator.AIHWKIT: (
        Rule("g_converter.g_max", "μS", *_R_LRS, lambda ohm: 1e6 / ohm, f"1 / ({_OF_R_LRS})"),
        Rule(
            *("g_converter.g_min", "μS", *_R_HRS),
            *(lambda ohm, on_off: 1e6 / (ohm * on_off), f"1 / ({_OF_R_HRS})"),
        ),
        Rule("device.w_max", "1", *_STATES, lambda states: 1.0, _WEIGHTS),
        Rule("device.w_min", "1", *_STATES, lambda states: -1.0, _WEIGHTS),
        Rule(
            *("device.dw_min", "1", *_STATES),
            *(lambda states: 2 / (states - 1), "w_max − w_min over states − 1 ({})"),
        ),
        Rule("device.up_down", "1", "potentiation and depression under equal pulses"),
        Rule("device.dw_min_std", "1", f"steps of the conductance: {_CYCLES}"),
        Rule("device.dw_min_dtod", "1", f"steps of the conductance: {_SPREAD}"),
        Rule("device.w_max_dtod", "1", f"the largest conductance: {_SPREAD}"),
        Rule("device.w_min_dtod", "1", f"the smallest conductance: {_SPREAD}"),
        Rule("device.up_down_dtod", "1", f"up and down steps: {_SPREAD}"),
        Rule("device.lifetime", "1", "the decay of a state over time{retention}"),
        Rule("noise_model", "", "read noise, programming noise and drift{retention}"),
    ),
    Simulator.CROSSSIM: (
        Rule("xbar.device.Rmin", "ohm", *_R_LRS, float, _OF_R_LRS),
        Rule("xbar.device.Rmax", "ohm", *_R_HRS, mul, _OF_R_HRS),
        Rule(
            *("xbar.device.infinite_on_off_ratio", "", "the on/off ratio", ("on_off",)),
            *(lambda on_off: False, "on/off ratio ({})"),
        ),
        Rule("xbar.device.cell_bits", "bit", *_STATES, *_BITS),
        Rule("xbar.device.programming_error", "", f"programmed states: {_SPREAD}"),
        Rule("xbar.device.read_noise", "", f"the current of a state: {_CYCLES}"),
        Rule("xbar.device.drift_error", "", "the conductance of states over time{retention}"),
    ),
    Simulator.NEUROSIM: (
        Rule(
            *("memcelltype", "", "", ()),
            *(lambda: 2, "RRAM: every device of the store is a memristor"),
        ),
        Rule("accesstype", "", "the circuit: what selects a cell"),
        Rule("resistanceOn", "ohm", *_R_LRS, float, _OF_R_LRS),
        Rule("resistanceOff", "ohm", *_R_HRS, mul, _OF_R_HRS),
        Rule("cellBit", "bit", *_STATES, *_BITS),
        Rule("readVoltage", "V", *_V_READ, abs, "{}"),
        Rule("readPulseWidth", "s", "the read pulse"),
        Rule("writeVoltage", "V", "a write pulse{v_set}"),
        Rule("accessVoltage", "V", "the circuit: the gate of the access transistor"),
        Rule("resistanceAccess", "ohm", "the circuit: the access transistor"),
    ),
}


def _reason(rule: Rule, figures: DeviceFigures) -> str:
    """Return what a parameter needs, and why a figure that is known does not suffice."""
    v_set = f"; the SET voltage of {figures.v_set} may not be that of a pulse"
    retention = (
        f"; a retention of {figures.retention} only shows that the states were still distinct"
    )
    return rule.needs.format(
        v_set=v_set if figures.v_set else "", retention=retention if figures.retention else ""
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
