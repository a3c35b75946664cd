"""The operation of this room."""

from __future__ import annotations

from pvkdb.operations import Kind, Operation

OPERATIONS = (
    Operation(
        name="examination",
        command="examine",
        summary="Queue the examination of a device, or get the one with the same inputs.",
        description="Accuracy of a network built from a device, and the cost of each "
        "imperfection.\n\nFigures come from the store. What the task needs and the store lacks is "
        "refused by name, unless `assume_ideal` is set. Keys and measured curves need files: "
        "`pvkdb examine` reads them.",
        path="/calculations/examinations",
        method="calculations.examine",
        request="pvkdb.schemas.calculations.examinations:ExaminationQuestion",
        function="pvkdb.examination.requests:examination_request",
        queued=Kind(
            name="examine",
            title="Examination of a device",
            request="pvkdb.schemas.calculations.examinations:ExaminationRequest",
            result="pvkdb.schemas.calculations.examinations:ExaminationResult",
            computed="pvkdb.examination.requests:examined",
            extra="examination",
        ),
        python=">>> from pvkdb.schemas.calculations.examinations import ExaminationQuestion\n"
        '>>> asked = ExaminationQuestion(device="EpiRAM", task="training", images="mnist")\n'
        ">>> client.calculations.examine(asked).state.value\n'queued'",
    ),
)
