"""The form that simulates a device: its fields and defaults, refusals, and what it queues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from pvkdb.simulation.devices.inputs import INPUTS
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import ServiceSettings
from pvkdb_api.explorer.computing import simulation_form

from ....pvkdb.simulation.conftest import computed_barriers
from ...guarded import OUTSIDE, PUBLIC
from ..browsing import Browser, alert_in

PATH = "/jobs/new/simulation"
GIVEN = {
    "material": "CsPbBr3-Pnma",
    "stack": "ITO/CsPbBr3/Ag",
    "thickness_nm": "200",
    "bias_v": "1",
    "vacancies": "0.001:0.01",
}


def test_texts_become_a_question() -> None:
    more = {"seeds": "5", "axis": "c", "scan_rates_v_per_s": "1, 10 100", "annealed_k": ""}
    asked = simulation_form.read_form(GIVEN | more).request
    assert asked is not None
    assert asked.inputs["vacancies"] == (0.001, 0.01)
    assert (asked.seeds, asked.axis, asked.scan_rates_v_per_s) == (5, "c", (1.0, 10.0, 100.0))
    annealed = {**GIVEN, "vacancies": "", "annealed_k": "400"}
    assert simulation_form.read_form(annealed).problems == {}


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"stack": ""}, "stack", "give a value"),
        ({"vacancies": ""}, "vacancies", "give a value"),
        ({"vacancies": "2"}, "vacancies", "at most 1"),
        ({"thickness_nm": "thin"}, "thickness_nm", "neither a number nor a range"),
        ({"bias_v": "-1"}, "bias_v", "above zero"),
        ({"permittivity": "9:3"}, "permittivity", "write 3:9"),
        ({"annealed_k": "400"}, "annealed_k", "give either this or"),
        ({"seeds": "many"}, "seeds", "valid integer"),
    ],
)
def test_what_cannot_be_is_named_at_a_field(changes: dict[str, str], place: str, said: str) -> None:
    read = simulation_form.read_form(GIVEN | changes)
    assert read.request is None
    assert [*read.problems] == [place]
    assert said in read.problems[place]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The service on the barriers of γ-CsPbBr3."""
    folder: Path = tmp_path_factory.mktemp("simulation")
    store = Store(f"sqlite:///{folder}/simulation.sqlite")
    upgrade(store)
    computed_barriers(store, folder)
    made = create_app(str(store.url), ServiceSettings(allow_local_writes=True))
    yield made
    made.state.served.close()
    store.close()


@pytest.mark.slow
def test_the_form_shows_barriers_and_what_an_empty_field_means(app: FastAPI) -> None:
    browser = Browser(app)
    page = browser.open(f"{PATH}?material=CsPbBr3-Pnma")
    assert "V_Br in CsPbBr3-Pnma, calculation" in page
    for name in INPUTS:
        assert f'id="is-{name}"' in page
    assert "Default: 298.15." in page
    assert "Ag 4.28:4.34" in page
    assert "compute them with: pvkdb neb MAPbI3" in browser.open(f"{PATH}?material=MAPbI3")
    link = f'href="{PATH}?material=CsPbBr3-Pnma"'
    assert link in browser.open("/compositions/CsPbBr3?phase=Pnma")
    assert "there is no parameter" in alert_in(browser.open(f"{PATH}?thick=3", 422))


@pytest.mark.slow
def test_a_device_is_queued_once(app: FastAPI) -> None:
    browser = Browser(app)
    first, again = (browser.submit(PATH, GIVEN) for _ in range(2))
    assert first.status_code == 303
    assert first.headers["location"].endswith("said=new")
    assert again.headers["location"].endswith("said=known")
    name = first.headers["location"].rpartition("/")[2].partition("?")[0]
    with app.state.served.store.session(read_only=True) as session:
        asked = session.get_one(Calculation, name)
        assert (asked.kind, asked.state) == ("simulation", "queued")
        inputs = {each["name"]: each for each in asked.parameters["inputs"]}
    assert (inputs["vacancies"]["low"], inputs["vacancies"]["high"]) == (0.001, 0.01)
    assert inputs["thickness_nm"]["basis"] == "given"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"material": "MAPbI3"}, "material", "pvkdb neb MAPbI3"),
        ({"potential": "chgnet", "material": "CsPbI3"}, "material", "by chgnet"),
        ({"stack": "ITO/CsPbI3/Ag"}, "stack", "write BOTTOM/CsPbBr3/TOP"),
        ({"stack": "ITO/glass/Ag"}, "stack", "glass"),
        ({"vacancies": "", "annealed_k": "400"}, "annealed_k", "no formation energy"),
    ],
)
def test_what_the_store_does_not_have_is_named_at_its_field(
    app: FastAPI, changes: dict[str, str], place: str, said: str
) -> None:
    answer = Browser(app).submit(PATH, GIVEN | changes)
    assert answer.status_code == 422
    found = re.search(rf'id="wrong-{place}">(.*?)</p>', answer.text, re.DOTALL)
    assert found is not None, alert_in(answer.text)
    assert said in found[1]
    assert f'value="{GIVEN["thickness_nm"]}"' in answer.text
    labels = {"material": "Material", "stack": "Stack", "annealed_k": "Annealing temperature"}
    assert f"<b>{labels[place]}</b>" in answer.text


@pytest.mark.slow
def test_queueing_needs_a_key_from_outside(app: FastAPI) -> None:
    outside = Browser(app, PUBLIC, OUTSIDE)
    assert "Queueing requires a key" in outside.open(PATH)
    answer = outside.submit(PATH, GIVEN)
    assert answer.status_code == 401
    assert "scope queue" in alert_in(answer.text)
    assert f'value="{PATH}?material=CsPbBr3-Pnma&amp;' in answer.text
