"""The operation of this room."""

from __future__ import annotations

from pvkdb.operations import Kind, Operation

KINDS = (
    Kind(
        name="examine",
        title="Examination of a device",
        request="pvkdb.schemas.calculations.examinations:ExaminationRequest",
        result="pvkdb.schemas.calculations.examinations:ExaminationResult",
        computed="pvkdb.examination.requests:examined",
        extra="examination",
    ),
)

OPERATIONS: tuple[Operation, ...] = ()
