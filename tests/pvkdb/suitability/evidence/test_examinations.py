"""Accuracies that pvkdb computed are evidence of their own kind, and bounds where assumed."""

from __future__ import annotations

from typing import Any

from pvkdb.schemas.calculations.examinations import (
    ExaminationResult,
    ExaminationSettings,
    OverSeeds,
)
from pvkdb.schemas.rankings import Grade
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.rows.from_models import calculation_document
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.examinations import finished_examinations
from pvkdb.suitability.profiles.profile_file import parse_profile
from pvkdb.suitability.ranking.options import Options
from pvkdb.suitability.ranking.store_rankings import rank

#: A profile of a user's that asks for a computed accuracy.
PROFILE = """title = "Learning"
summary = "Networks that learn."
[[devices]]
metric = "network_accuracy_training_percent"
at_least = 85
basis = "reference"
source = "a paper"
"""
ACCURACY = OverSeeds(mean=0.9, spread=0.02, seeds=[0.88, 0.92])


def result(**changes: Any) -> ExaminationResult:
    known = {"task": "training", "device": "d-t4-r14", "images": "MNIST", "result": ACCURACY}
    return ExaminationResult(**{**known, **changes})


def stored(
    name: str, found: Any, device: str = "d-t4-r14", images: str = "mnist", **settings: Any
) -> Calculation:
    """A finished examination; the result may be anything."""
    values = found.model_dump(mode="json") if isinstance(found, ExaminationResult) else found
    parameters = ExaminationSettings(**settings).model_dump(mode="json")
    parameters |= {"device": device, "images": images}
    made = Calculation(id=name, key=name, kind="examine", state="done", result=values)
    made.parameters, made.versions = parameters, {"pvkdb": "0"}
    return made


def test_a_document_has_the_result_of_its_kind_alone(sqlite_store: Store) -> None:
    found = ExaminationResult(task="training", device="d-t4-r14", result=ACCURACY)
    with sqlite_store.session() as session:
        session.add(kept := stored("exam-read", found))
        session.flush()
        document = calculation_document(kept)
    assert (document.examination, document.simulation, document.barrier) == (found, None, None)


def test_computed_accuracies_are_marked_and_only_of_mnist(sqlite_store: Store) -> None:
    other = OverSeeds(mean=0.5, spread=0.1, seeds=[0.4, 0.6])
    with sqlite_store.session() as session:
        session.add_all(
            [
                stored("exam-a", result()),
                stored("exam-b", result(task="inference", assumed=["read noise"])),
                stored("exam-c", result(result=None, verdict="one direction alone")),
                stored("exam-d", result(), images="digits"),
                stored("exam-e", {"nothing": 1}),
                stored("exam-f", result(), device="PCM"),
                stored("exam-g", result(result=other), epochs=1),
                stored("exam-h", result(result=other), images="/home/name/mnist@0123"),
            ]
        )
    with sqlite_store.session(read_only=True) as session:
        found = finished_examinations(session, "d-t4-r14")
        candidates = {each.id: each for each in device_candidates(session)}
        ranking = rank(session, parse_profile(PROFILE), options=Options(samples=1))
    (entry,) = ranking.candidates
    (criterion,) = entry.criteria
    assert (entry.id, criterion.verdict, criterion.grade) == ("d-t4-r14", "met", "model")
    assert criterion.source == "calculation exam-a"
    assert [each.calculation for each in found] == [f"exam-{letter}" for letter in "abcdgh"]
    assert found[-1].words == "network trained in place, mnist; 50.0 ± 10.0 %"
    assert found[1].words == "weights copied, mnist; 90.0 ± 2.0 %; taken as ideal: read noise"
    evidence = candidates["d-t4-r14"].evidence
    trained = evidence["network_accuracy_training_percent"]
    assert (trained.minimum, trained.maximum) == (88.0, 92.0)
    assert (trained.grade, trained.source) == (Grade.MODEL, "calculation exam-a")
    copied = evidence["network_accuracy_inference_percent"]
    assert (copied.minimum, copied.maximum) == (None, 92.0)
    assert "computed by pvkdb" in str(copied.note)
    others = [each for each in candidates.values() if each.id != "d-t4-r14"]
    assert not any("network_accuracy_training_percent" in each.evidence for each in others)
