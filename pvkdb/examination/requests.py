"""Requests for examinations: what is known of a device, from the store, files or NeuroSim."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.examination.device import (
    FADING,
    LEARNING,
    NEEDED,
    DeviceModel,
    measured,
    preset,
    presets,
    reported,
)
from pvkdb.examination.images import Images, of_folder, shipped
from pvkdb.examination.protocols import behaviours, definitions
from pvkdb.examination.puf import array_metrics, array_of, key_bits, key_metrics
from pvkdb.measurements.forms import Cycles, States, Trace
from pvkdb.schemas.calculations.examinations import (
    USED_BY,
    BehaviourVerdict,
    ExaminationQuestion,
    ExaminationRequest,
    ExaminationResult,
    KeyMetric,
)
from pvkdb.simulation import fitting
from pvkdb.simulation.compact import CompactModel, model_named
from pvkdb.store.collections.devices import device_named
from pvkdb.suitability.evidence.devices import device_candidates

#: Models of devices as JSON.
MODELS = TypeAdapter(DeviceModel)


def examination_request(
    session: Session,
    question: ExaminationQuestion,
    forms: Sequence[Any] = (),
    folder: Path | None = None,
) -> ExaminationRequest:
    """Return the request for an examination: what the question says, and all that is known.

    ``forms`` are measurements, which go before figures of the store; ``question.device`` may then
    be empty. ``folder`` has other pictures.

    Raises:
        NotFoundError: the store has no such device.
        InputError: the task needs something that is not known, or does not use a setting.
    """
    task, name, fields = question.task, question.device, type(question).model_fields
    for setting in (each for each, tasks in USED_BY.items() if task not in tasks.split()):
        changed = getattr(question, setting) != fields[setting].default
        if changed or (setting == "images" and folder):
            raise InputError(f"{task} does not use {setting}; leave it out")
    if task == "behaviours":
        known = _compact(session, question, forms)
    elif task == "puf":
        known = _arrays(forms)
    else:
        model = _device(session, name, forms)
        if task in FADING or not model.verdict(task in LEARNING):
            model.for_task(task, bool(question.at_s), question.assume_ideal)
        known = json.loads(MODELS.dump_json(model, exclude_none=True))
    return ExaminationRequest(
        **question.model_dump(exclude={"device", "images", "model", "values"}),
        device=name or _files(forms),
        images=question.images if folder is None else f"{folder.resolve()}@{_hash(folder)}",
        device_model=known,
    )


def examined(
    request: ExaminationRequest, on_stage: Callable[[str, float], None] = lambda stage, share: None
) -> ExaminationResult:
    """Return the result of a request; networks need the extra ``examination``.

    Raises:
        InputError: the device cannot have the task, or the pictures of a folder have changed.
    """
    known, more = request.device_model, dict[str, Any]()
    if request.task in NEEDED:
        from pvkdb.examination.examine import examine
        from pvkdb.examination.training import Protocol

        names = ("assume_ideal", "at_s", "line_ohm", "interval_s", "pulses")
        return examine(
            MODELS.validate_python(known),
            request.task,
            _images(request.images),
            range(request.seeds),
            Protocol(epochs=request.epochs),
            on_share=partial(on_stage, request.task),
            **{name: getattr(request, name) for name in names},
        ).model_copy(update={"device": request.device})
    if request.task == "behaviours":
        compact = CompactModel(model_named(known["name"]), known["values"], known["sources"])
        found = {each.name: BehaviourVerdict(**each.document()) for each in behaviours(compact)}
        more["behaviours"] = [found[name] for name in definitions()]
        more |= {"sources": known["sources"], "notes": known["notes"]}
    else:
        more["metrics"] = [KeyMetric(**asdict(metric)) for metric in _keys(**known)]
    return ExaminationResult(task=request.task, device=request.device, **more)


def _device(session: Session, name: str, forms: Sequence[Any]) -> DeviceModel:
    """Return the model of a device: measured, completed by figures of the store, or a preset."""
    if name in presets() and not forms:
        return preset(name)
    if not name and not forms:
        raise InputError("name a device, or give files of its measurements")
    figures = dict[str, float]()
    if name:
        candidates = {each.id: each for each in device_candidates(session)}
        if name not in candidates:
            device_named(session, name)  # raises, and names a similar one
        for metric, each in candidates[name].evidence.items():
            # The careful end of an interval: the largest spread, the smallest of all else.
            end = each.maximum if metric.startswith("variability") else each.minimum
            figures |= {} if end is None else {metric: end}
    known = reported(name, figures, f"store, {name}")
    if not forms:
        return known
    found = measured(name or _files(forms), forms)
    more = {key: getattr(known, key) for key in known.sources if getattr(found, key) is None}
    return replace(found, **more, sources={**known.sources, **found.sources})


def _compact(session: Session, question: ExaminationQuestion, forms: Sequence[Any]) -> Any:
    """Return a compact model, fitted to sweeps, or from a device of the store or given values."""
    traces = [form for form in forms if isinstance(form, Trace)]
    if traces:
        found = fitting.fit(question.model, traces, question.values)
    elif question.device:
        found = fitting.from_device(session, question.device, question.model, question.values)
    else:
        found = fitting.complete(model_named(question.model), fitting.given(question.values))
    values = {name: float(value) for name, value in found.values.items()}
    known = {"name": question.model, "values": values, "sources": dict(found.sources)}
    return {**known, "notes": list(found.notes)}


def _arrays(forms: Sequence[Any]) -> dict[str, Any]:
    """Return arrays of states as reads × cells, or cycles × cells: one for each file."""
    found = [array_of(form) for form in forms if isinstance(form, Cycles | States)]
    if not found or len({type(form) for form in forms}) > 1:
        raise InputError("puf needs files of states or of cycles, one for each array")
    if len({array.shape[1] for array in found}) > 1:
        counts = ", ".join(str(array.shape[1]) for array in found)
        raise InputError(f"arrays of {counts} cells: keys are compared bit by bit; give equal ones")
    return {"cycles": isinstance(forms[0], Cycles), "arrays": [each.tolist() for each in found]}


def _keys(cycles: bool, arrays: list[list[list[float]]]) -> Any:
    """Return the metrics of one array, or of the first keys of several and those read again."""
    if len(arrays) == 1:
        return array_metrics(np.array(arrays[0]), cycles)
    reads = min(map(len, arrays))
    keys = np.array([key_bits(each[:reads]) for each in arrays])
    return key_metrics(keys[:, 0], None if cycles or reads == 1 else keys[:, 1:])


def _files(forms: Sequence[Any]) -> str:
    setups = [form.setup for form in forms if hasattr(form, "setup")]
    return ", ".join(dict.fromkeys(setup.file for setup in setups))[:200] or "given values"


def _images(name: str) -> Images:
    """Return shipped pictures, or those of ``FOLDER@HASH`` if they are still the same."""
    path, mark, wanted = name.rpartition("@")
    if mark and _hash(Path(path)) != wanted:
        raise InputError(f"{path} has other pictures than were asked for; ask again")
    return of_folder(Path(path)) if mark else shipped(name)


def _hash(folder: Path) -> str:
    """Return the start of the SHA-256 of the pictures and labels of a folder."""
    found = of_folder(folder)
    parts = (found.train, found.train_labels, found.test, found.test_labels)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:16]
