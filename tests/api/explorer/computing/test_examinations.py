"""The page of an examination: its curves, and what differs from published accuracies."""

from __future__ import annotations

import re
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from pvkdb.schemas.calculations.examinations import ExaminationResult, ImperfectionCost, OverSeeds

from ....pvkdb.suitability.evidence.test_examinations import stored
from ...conftest import serving
from ..conftest import Visitor, serving_at

#: The device of ref. 110, whose accuracies are in Table 10.
DEVICE = "d-t4-r15"


def over(mean: float) -> OverSeeds:
    return OverSeeds(mean=mean, spread=0.01, seeds=[mean - 0.01, mean + 0.01])


def result(**changes: Any) -> ExaminationResult:
    known = {
        "task": "training",
        "device": DEVICE,
        "images": "MNIST, 10,000 to train",
        "protocol": {"seeds": "0 1"},
        "result": over(0.8),
        "ideal": over(0.93),
        "gap_points": 13.0,
        "epochs": [0.6, 0.7, 0.8],
        "epoch_spreads": [0.03, 0.02, 0.01],
        "costs": [
            ImperfectionCost(imperfection="states", alone=over(0.9), without=over(0.85)),
            ImperfectionCost(imperfection="read noise", alone=over(0.94), without=over(0.8)),
        ],
        "assumed": ["device to device"],
        "sources": {"states": "a <source>"},
    }
    return ExaminationResult(**{**known, **changes})


def points(text: str, name: str) -> list[tuple[float, float]]:
    found = re.search(rf'class="{name}" points="([^"]+)"', text)
    assert found
    return [tuple(map(float, pair.split(","))) for pair in found[1].split()]


def test_the_page_has_curve_bars_and_what_differs_from_published_accuracies(sqlite_store) -> None:
    with sqlite_store.session() as session:
        session.add(stored("exam-page", result(), DEVICE))
        verdict = result(result=None, ideal=None, costs=[], epochs=[], verdict="one direction")
        session.add(stored("exam-none", verdict, DEVICE))
    for api in serving(str(sqlite_store.url)):
        text = api.get("/jobs/exam-page").text
        none = api.get("/jobs/exam-none").text
    curve, band = points(text, "curve"), points(text, "spread")
    assert [x for x, _ in curve] == [56, 338, 620]
    assert [y for _, y in curve] == [112, 88, 64]  # 60, 70 and 80 % of 240 above 256
    assert [y for _, y in band] == [104.8, 83.2, 61.6, 66.4, 92.8, 119.2]
    assert ">3.0</td>" in text  # points that the states cost alone
    assert ">−1.0</td>" in text  # an imperfection may help
    assert "a &lt;source&gt;" in text
    rows = [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in text.split("<tr>")]
    own = [row for row in rows if "this device's publication" in row]
    assert own[0].startswith(
        "MNIST, CNN ITO/(BDA)MA2Pb3I10/PMMA/Au this device's publication 98.75"
    )
    assert "how many pictures it learned is not printed; CNN, here ANN; device models" in own[0]
    assert "off-chip (simulated), as here" in own[0]
    assert "CIFAR-10, here MNIST; CNN, here ANN" in own[1]
    others = [row for row in rows if "another device;" in row]
    assert (len(own), len(others)) == (4, 9)
    assert "Cs0.89FA0.11PbBr3 89.08" in others[0]
    assert "on- or off-chip is not printed" in others[0]
    assert "<b>No number.</b> One direction." in none
    assert 'class="curve"' not in none


def test_the_way_to_the_page_of_an_examination(chromium, sqlite_store) -> None:
    with sqlite_store.session() as session:
        session.add(stored("exam-page", result(), DEVICE))
    with serving_at(str(sqlite_store.url)) as served:
        visitor = Visitor(chromium, served)
        tab = visitor.open(f"/devices/{DEVICE}")
        tab.get_by_role("link", name="network trained in place, mnist; 80.0 ± 1.0 %").click()
        expect(tab.locator("h1")).to_have_text(f"Examination of a device: {DEVICE}")
        expect(tab.locator(".big-number")).to_contain_text("computed by pvkdb, not measured")
        expect(tab.get_by_role("region", name="Published accuracies")).to_contain_text("CIFAR-100")
        expect(tab.get_by_text("Taken as ideal, because it is not known")).to_be_visible()
        assert not Axe().run(tab).response["violations"]
        visitor.close()
