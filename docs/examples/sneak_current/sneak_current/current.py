"""The current that leaks past the selected cell of a crossbar: request, result, function, text."""

from __future__ import annotations

from pydantic import Field, FiniteFloat

from pvkdb.crossbar.limits import sneak_resistance_ohm
from pvkdb.operations import Reading
from pvkdb.schemas import RequestModel, StrictModel


class SneakRequest(RequestModel):
    """An array of bare cells, all in LRS."""

    r_lrs_ohm: FiniteFloat = Field(description="R_LRS, in Ω.", gt=0, examples=[1e4])
    size: int = Field(64, description="N of the N × N array.", ge=2, le=10_000, examples=[64])
    read_v: FiniteFloat = Field(0.2, description="Read voltage in V.", gt=0, examples=[0.2])


class SneakCurrent(StrictModel):
    """The current past the selected cell."""

    current_a: float = Field(description="In A.", examples=[6.2e-4])


def sneak_current(request: SneakRequest, reading: Reading) -> SneakCurrent:
    """Return the current at the read voltage through equation (1) of the review."""
    sneak = sneak_resistance_ohm(request.size, request.r_lrs_ohm)
    return SneakCurrent(current_a=request.read_v / sneak)


def print_current(found: SneakCurrent) -> None:
    """Print the current for people."""
    print(f"sneak current: {found.current_a:.3g} A")
