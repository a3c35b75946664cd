"""The operation of this room."""

from __future__ import annotations

from pvkdb.operations import Kind, Operation

OPERATIONS = (
    Operation(
        name="simulation",
        command="simulate",
        summary="Queue the simulation of a device, or get the one with the same inputs.",
        description="Motion of the vacancy, currents and a compact model, with an uncertainty "
        "budget.\n\nBarriers come from the store. An input that it lacks and that nobody gave is "
        "refused by name.",
        path="/calculations/simulations",
        method="calculations.simulate",
        request="pvkdb.schemas.calculations.simulations:SimulationQuestion",
        function="pvkdb.suitability.evidence.simulations:simulation_request",
        queued=Kind(
            name="simulation",
            title="Simulation of a device",
            request="pvkdb.schemas.calculations.simulations:SimulationRequest",
            result="pvkdb.schemas.calculations.simulations:SimulationResult",
            computed="pvkdb.simulation.devices.chain:simulate_device",
            extra="simulation",
            of_material=True,
        ),
        python=">>> from pvkdb.schemas.calculations.simulations import SimulationQuestion\n"
        '>>> inputs = {"thickness_nm": 200, "bias_v": 1, "vacancies": (1e-4, 1e-3)}\n'
        '>>> layers = {"material": "CsPbBr3", "stack": "ITO/CsPbBr3/Ag"}\n'
        ">>> asked = SimulationQuestion(**layers, inputs=inputs)\n"
        ">>> queued = client.calculations.simulate(asked)  # doctest: +SKIP\n"
        ">>> client.calculations.wait(queued).simulation  # doctest: +SKIP",
    ),
)
