"""Requests for examinations: what the store and files know, and that equal ones are one."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError
from pvkdb.examination import requests
from pvkdb.examination.device import preset
from pvkdb.examination.protocols import definitions
from pvkdb.examination.puf import puf_metrics
from pvkdb.examination.requests import examination_request, examined
from pvkdb.measurements.forms import Cycles, PulseTrain, Setup, States
from pvkdb.schemas.calculations.examinations import ExaminationQuestion, ExaminationRequest

from ..simulation.test_compact import VALUES
from .test_images import write

#: The device of ref. 110: 8 states, 1.85 % from cycle to cycle, 10⁴ s.
DEVICE = "d-t4-r15"


def question(**given: Any) -> ExaminationQuestion:
    return ExaminationQuestion(**{"device": DEVICE, **given})


def train(falling: bool) -> PulseTrain:
    pulse = np.arange(51.0)
    g = 1e-6 + 8e-6 * (1 - np.exp(-pulse / 25)) / (1 - np.exp(-2))
    return PulseTrain(pulse, g[::-1] if falling else g, falling=falling, setup=Setup("pulses.csv"))


def test_a_model_goes_through_json_with_its_infinite_retention(literature: Session) -> None:
    request = examination_request(literature, question(device="PCM"))
    text = json.dumps(request.model_dump(mode="json"), allow_nan=False)
    again = ExaminationRequest.model_validate_json(text)
    assert again.key() == request.key()
    model = requests.MODELS.validate_python(again.device_model)
    assert model == preset("PCM")
    assert model.retention_s == inf
    assert examination_request(literature, question(device="PCM", seeds=6)).key() != request.key()


def test_figures_of_the_store_are_the_model_and_gaps_are_named(literature: Session) -> None:
    with pytest.raises(InputError, match=f"{DEVICE}: device to device, read noise not known"):
        examination_request(literature, question(task="inference"))
    asked = question(task="inference", assume_ideal=True, at_s=(1e4,))
    model = examination_request(literature, asked).device_model
    assert (model["states"], model["retention_s"]) == (8, 1e4)
    assert model["sigma_write"] == pytest.approx(0.0185)
    assert model["sources"]["states"] == f"store, {DEVICE}"
    with pytest.raises(NotFoundError, match="d-t4-r15"):
        examination_request(literature, question(device="d-t4-r155"))
    with pytest.raises(InputError, match="name a device, or give files"):
        examination_request(literature, question(device=""))


def test_measurements_go_before_figures_of_the_store(literature: Session) -> None:
    trains = [train(False), train(True)]
    both = examination_request(literature, question(assume_ideal=True), trains).device_model
    assert both["states"] != 8
    assert both["sources"]["ltp"] == "measured"
    assert both["retention_s"] == 1e4
    asked = question(device="", assume_ideal=True)
    alone = examination_request(literature, asked, trains)
    assert alone.device == "pulses.csv"
    assert "retention_s" not in alone.device_model
    with pytest.raises(NotFoundError, match="PCM"):
        examination_request(literature, question(device="PCM"), trains)


@pytest.mark.parametrize(
    "given",
    [
        {"task": "henon", "images": "mnist"},
        {"task": "training", "at_s": (1.0,)},
        {"task": "convolution", "line_ohm": 2.0},
        {"task": "puf", "seeds": 7},
        {"task": "behaviours", "assume_ideal": True},
    ],
)
def test_what_a_task_does_not_use_is_refused(given: dict[str, Any], literature: Session) -> None:
    with pytest.raises(InputError, match=f"does not use {[*given][-1]}; leave it out"):
        examination_request(literature, question(**given))


def test_keys_of_one_array_and_of_several(literature: Session) -> None:
    random = np.random.default_rng(1)
    arrays = [random.lognormal(10, 1, (64, 8)) for _ in range(3)]
    arrays[1][3, 2] = np.nan  # a cycle that a device lacks
    forms = [Cycles(each, each / 100, ()) for each in arrays]
    asked = question(device="", task="puf")
    one = examined(examination_request(literature, asked, forms[:1]))
    known = {metric.name: metric.value for metric in puf_metrics(forms[0])}
    assert {each.name: each.value for each in one.metrics} == known
    several = examined(examination_request(literature, asked, forms))
    found = {each.name: each.value for each in several.metrics}
    assert found["uniqueness_percent"] == pytest.approx(50, abs=15)
    assert found["reliability_percent"] is None  # cycles write anew
    cells = tuple(np.array([level, level + 0.1]) for level in (1.0, 2.0, 4.0, 3.0))
    reads = [States(tuple("abcd"), cells) for _ in range(2)]
    again = examined(examination_request(literature, asked, reads))
    assert [m.value for m in again.metrics if m.name == "reliability_percent"] == [100]
    wrong = [forms[0], Cycles(arrays[1][:2], arrays[1][:2], ())]
    with pytest.raises(InputError, match="arrays of 64, 2 cells"):
        examination_request(literature, asked, wrong)
    with pytest.raises(InputError, match="puf needs files"):
        examination_request(literature, question(task="puf"))


@pytest.mark.slow
def test_behaviours_of_given_values_are_all_of_the_table(literature: Session) -> None:
    asked = question(device="", task="behaviours", values=VALUES["threshold"])
    found = examined(examination_request(literature, asked))
    assert [each.name for each in found.behaviours] == [*definitions()]
    tests = {"nociceptor", "short-term", "associative"}
    assert {each.test for each in found.behaviours} == tests
    assert found.sources["v_th"] == "given"
    assert json.dumps(found.model_dump(mode="json"), allow_nan=False)
    asked = question(device="", task="behaviours", values={"r_on": 1e3})
    with pytest.raises(InputError, match="--set v_th"):
        examination_request(literature, asked)


def test_other_pictures_in_a_folder_are_another_one(literature: Session, tmp_path: Path) -> None:
    for part in ("train", "t10k"):
        write(tmp_path / f"{part}-images-idx3-ubyte.gz", np.zeros((4, 8, 8), np.uint8))
        write(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(4, dtype=np.uint8))
    asked = question(device="PCM")
    request = examination_request(literature, asked, folder=tmp_path)
    assert request.images.startswith(f"{tmp_path}@")
    assert requests._images(request.images).side == 8
    write(tmp_path / "train-labels-idx1-ubyte.gz", np.ones(4, np.uint8))
    with pytest.raises(InputError, match="has other pictures"):
        requests._images(request.images)
    assert examination_request(literature, asked, folder=tmp_path).key() != request.key()
    with pytest.raises(InputError, match="henon does not use images"):
        examination_request(literature, question(device="PCM", task="henon"), folder=tmp_path)


@pytest.mark.slow
def test_the_result_of_a_request_is_that_of_its_examination(literature: Session) -> None:
    pytest.importorskip("numba", reason="numba is not installed (extra 'examination')")
    shares: list[float] = []
    request = examination_request(literature, question(device="FeFET", seeds=2, epochs=2))
    found = examined(request, lambda _, share: shares.append(share))
    assert (found.device, found.task) == ("FeFET", "training")
    assert len(found.epochs) == len(found.epoch_spreads) == 2
    assert found.result is not None
    assert 0 < shares[0] < shares[-1] <= 1
    volatile = examination_request(literature, question(device="PCM", task="henon"))
    assert "does not forget" in examined(volatile).verdict
