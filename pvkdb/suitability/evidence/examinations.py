"""What pvkdb computed of devices in networks: finished examinations, and accuracies as evidence.

Accuracies that papers report are in the table ``benchmark_datasets`` and never among these.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.calculations.examinations import TASKS, ExaminationResult
from pvkdb.schemas.calculations.kinds import read_result
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.rankings import Grade
from pvkdb.store.models.calculations import Calculation
from pvkdb.suitability.evidence.evidence import Evidence, joined


class FinishedExamination(NamedTuple):
    """A finished examination: its calculation, device, pictures and result."""

    calculation: str
    device: str
    images: str
    result: ExaminationResult

    @property
    def words(self) -> str:
        """Task, pictures and result on one line."""
        found = self.result
        number = found.text(found.result) if found.result else found.verdict
        ideal = f"taken as ideal: {', '.join(found.assumed)}" if found.assumed else ""
        parts = (f"{TASKS.get(found.task, found.task)}, {self.images}", number, ideal)
        return "; ".join(filter(None, parts))


def finished_examinations(session: Session, device: str | None = None) -> list[FinishedExamination]:
    """Return the readable results of examinations, of all devices or of one."""
    query = select(Calculation.id, Calculation.parameters, Calculation.result).where(
        Calculation.kind == "examine", Calculation.state == CalculationState.DONE.value
    )
    found = []
    for key, parameters, stored in session.execute(query.order_by(Calculation.id)):
        name, images = (str((parameters or {}).get(each)) for each in ("device", "images"))
        result = read_result("examine", stored) if device in (None, name) else None
        if isinstance(result, ExaminationResult):
            found.append(FinishedExamination(key, name, images, result))
    return found


def accuracy_evidence(session: Session) -> dict[str, dict[str, Evidence]]:
    """Return accuracies on the shipped MNIST by device and metric: mean ± spread, in percent.

    Where something was taken as ideal, the accuracy is an upper end.
    """
    found: dict[str, dict[str, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
    for each in finished_examinations(session):
        accuracy, metric = each.result.result, f"network_accuracy_{each.result.task}_percent"
        if accuracy and metric in METRICS and each.images == "mnist":
            low, high = accuracy.mean - accuracy.spread, accuracy.mean + accuracy.spread
            evidence = Evidence(
                None if each.result.assumed else 100 * max(0.0, low),
                100 * min(1.0, high),
                grade=Grade.MODEL,
                source=f"calculation {each.calculation}",
                note=f"computed by pvkdb: {each.words}",
            )
            found[each.device][metric].append(evidence)
    return {
        device: {metric: joined(parts) for metric, parts in metrics.items()}
        for device, metrics in found.items()
    }
