"""Simulations of a device from the barriers of its layer: questions, requests and results."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pvkdb.operations.fields import InCommand
from pvkdb.schemas import RequestModel, StrictModel
from pvkdb.schemas.calculations import bounds
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.calculations.relaxations import CalculationRequest

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Rate = Annotated[float, Field(ge=1e-12, le=1e15)]


class SimulationQuestion(RequestModel):
    """What is asked of a device: its stack, and the inputs that the store does not have."""

    material: Annotated[str, InCommand("material")] = Field(
        max_length=200, description="Material, e.g. CsPbBr3 or CsPbBr3-Pnma.", examples=["CsPbBr3"]
    )
    stack: str = Field(
        max_length=200, description="Layers from the bottom.", examples=["ITO/CsPbBr3/Ag"]
    )
    inputs: dict[str, _Finite | tuple[_Finite, _Finite]] = Field(
        max_length=40,
        description="Values or intervals by name; units are in the names. See docs/simulation.md.",
        examples=[{"thickness_nm": 200, "bias_v": 1, "vacancies": [0.0001, 0.001]}],
    )
    annealed_k: float | None = Field(
        default=None,
        gt=0,
        description="Temperature whose equilibrium, by the stored formation energy, gives the "
        "vacancies.",
        examples=[400],
    )
    potential: str | None = Field(
        default=None,
        max_length=300,
        description="Whose barriers; default: the best tested.",
        examples=["sevennet-l3i5"],
    )
    axis: Literal["a", "b", "c"] = Field(default="b", description="Axis across the layer.")
    scan_rates_v_per_s: Annotated[tuple[_Rate, ...], InCommand("--rate", "V/S")] = Field(
        default=(), max_length=9, description="Rates of the loops; default: around the ions' own."
    )
    seeds: int = Field(default=20, ge=2, le=200, description="Runs of kinetic Monte Carlo.")


class SimulationInput(StrictModel):
    """An input of a simulation: its value, its interval, and where both come from."""

    name: str
    value: _Finite
    low: _Finite
    high: _Finite
    unit: str
    source: str
    basis: Literal["store", "given", "assumed"]


class SimulationRequest(CalculationRequest):
    """Request for the motion of a vacancy, the currents and a compact model of a device."""

    #: Raised whenever a change of the code changes the numbers for the same inputs.
    recipe: ClassVar[int] = 2
    kind: Literal["simulation"] = "simulation"
    formula: str
    phase: str
    stack: str
    barriers: NebResult
    axis: Literal["a", "b", "c"]
    inputs: tuple[SimulationInput, ...]
    scan_rates_v_per_s: tuple[_Rate, ...]
    seeds: int


class SimulatedQuantity(StrictModel):
    """A number of a simulation, with the interval and the inputs that cause it.

    ``shares`` are those of the inputs in the variance of its decimal logarithm, ``decades`` is the
    width of the interval; ``missing`` says why a value or an interval is not shown.
    """

    name: str
    value: _Finite | None
    minimum: _Finite | None = None
    maximum: _Finite | None = None
    unit: str
    source: str
    decades: _Finite | None = None
    shares: dict[str, _Finite] = Field(default_factory=dict)
    missing: str | None = None


class SimulatedCurve(StrictModel):
    """A current over time: a loop at a scan rate, or a pulse; voltage of the top electrode."""

    rate_v_per_s: _Finite | None
    time_s: list[_Finite]
    voltage_v: list[_Finite]
    current_a_per_m2: list[_Finite]


class IonMotion(StrictModel):
    """Density of the vacancies across the layer: a row for each time."""

    position_nm: list[_Finite]
    time_s: list[_Finite]
    voltage_v: list[_Finite]
    vacancies_per_cm3: list[list[_Finite]]


class SimulationResult(bounds.CalculationResult):
    """What a device does. ``netlist`` is its compact model for 1 µm² of area in ngspice."""

    formula: str
    phase: str
    defect: str
    stack: str
    inputs: list[SimulationInput]
    quantities: list[SimulatedQuantity]
    loops: list[SimulatedCurve] = Field(default_factory=list)
    pulse: SimulatedCurve | None = None
    motion: IonMotion | None = None
    compact: dict[str, Any] | None = None
    netlist: str = ""
    notes: list[str]
    cpu_seconds: bounds.Seconds
