"""What pvkdb computed of devices in networks: finished examinations, and accuracies as evidence.

Accuracies that papers report are in the table ``benchmark_datasets`` and never among these.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.calculations.examinations import TASKS, ExaminationResult, ExaminationSettings
from pvkdb.schemas.calculations.kinds import read_result
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.rankings import Grade
from pvkdb.store.models.calculations import Calculation
from pvkdb.suitability.evidence.evidence import Evidence, joined

#: Settings of the standard protocol; what is taken as ideal is said by the result.
_STANDARD = ExaminationSettings().model_dump(mode="json", exclude={"task", "assume_ideal"})


class FinishedExamination(NamedTuple):
    """A finished examination: calculation, device, pictures, whether by the defaults, result."""

    calculation: str
    device: str
    images: str
    standard: bool
    result: ExaminationResult

    @property
    def words(self) -> str:
        """Task, pictures and result on one line; of a folder of pictures the name alone."""
        found = self.result
        images = Path(self.images).name.rsplit("@", 1)[0]
        number = found.text(found.result) if found.result else found.verdict
        ideal = f"taken as ideal: {', '.join(found.assumed)}" if found.assumed else ""
        parts = (f"{TASKS[found.task]}, {images}", number, ideal)
        return "; ".join(filter(None, parts))


def finished_examinations(session: Session, device: str | None = None) -> list[FinishedExamination]:
    """Return the readable results of examinations, of all devices or of one."""
    query = select(Calculation.id, Calculation.parameters, Calculation.result).where(
        Calculation.kind == "examine", Calculation.state == CalculationState.DONE.value
    )
    found = []
    for key, parameters, stored in session.execute(query.order_by(Calculation.id)):
        given = parameters if isinstance(parameters, dict) else {}
        name, images = (str(given.get(each)) for each in ("device", "images"))
        result = read_result("examine", stored) if device in (None, name) else None
        if isinstance(result, ExaminationResult):
            standard = {each: given.get(each) for each in _STANDARD} == _STANDARD
            found.append(FinishedExamination(key, name, images, standard, result))
    return found


def accuracy_evidence(session: Session) -> dict[str, dict[str, Evidence]]:
    """Return accuracies on the shipped MNIST by device and metric: mean ± spread, in percent.

    Examinations with other settings than the defaults are left out, for they do not compare. Where
    something was taken as ideal, the accuracy is an upper end.
    """
    found: dict[str, dict[str, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
    for each in finished_examinations(session):
        accuracy, metric = each.result.result, f"network_accuracy_{each.result.task}_percent"
        if accuracy and metric in METRICS and each.images == "mnist" and each.standard:
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
