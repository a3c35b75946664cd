"""The operation of this room."""

from __future__ import annotations

from pvkdb.operations import Kind, Operation

KINDS = (
    Kind(
        name="simulation",
        title="Simulation of a device",
        request="pvkdb.schemas.calculations.simulations:SimulationRequest",
        result="pvkdb.schemas.calculations.simulations:SimulationResult",
        computed="pvkdb.simulation.devices.chain:simulate_device",
        extra="simulation",
        of_material=True,
    ),
)

OPERATIONS: tuple[Operation, ...] = ()
