"""The operation of this room."""

from __future__ import annotations

from pvkdb.operations import Operation

OPERATIONS = (
    Operation(
        name="kinetics",
        summary="Estimate rates and times of ion migration.",
        description="Intervals of every quantity with its equation, and all assumptions with their "
        "sources. Omitted conditions have defaults, which the answer lists. A window of more than "
        "three decades is not shown: `missing` says what has to be known more closely.",
        path="/kinetics",
        method="kinetics.estimate",
        function="pvkdb.suitability.evidence.predictions:answer",
        request="pvkdb.schemas.kinetics:KineticsRequest",
        result="pvkdb.schemas.kinetics:KineticsAnswer",
        one_of=("formula", "device", "e_a_ev"),
        example="CsPbBr3 --thickness-nm 300 --bias-v 1",
        python=">>> answer = client.kinetics.estimate(e_a_ev=0.3, thickness_nm=300, bias_v=1)\n"
        '>>> answer.ions[0].document.quantity("switching time").maximum < 1e-2  # s\nTrue',
        printed="pvkdb.cli.output.device_tables:print_kinetics",
    ),
)
