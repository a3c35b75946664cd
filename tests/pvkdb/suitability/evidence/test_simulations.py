"""The request for a device: what the store has, what is given, and what is asked for."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import pvkdb
from pvkdb.cli.app import app
from pvkdb.client import UnknownKeyError
from pvkdb.display.numbers import number, percent
from pvkdb.errors import CalculationFailedError, InputError, NotFoundError
from pvkdb.schemas.calculations.simulations import SimulationQuestion, SimulationResult
from pvkdb.store.database import Store
from pvkdb.store.models.energetics import Energetic
from pvkdb.suitability.evidence.simulations import simulation_request

from ...simulation.conftest import barriers

__all__ = ["barriers"]

pytestmark = pytest.mark.slow

GIVEN = {"thickness_nm": 100.0, "bias_v": 0.5, "vacancies": (1e-4, 1e-3)}
PAGE = Path(__file__).parents[4] / "docs" / "simulation.md"


def question(**changes: Any) -> SimulationQuestion:
    known = {"material": "CsPbBr3-Pnma", "stack": "ITO/CsPbBr3/Ag", "inputs": GIVEN}
    return SimulationQuestion(**{**known, **changes})


def test_every_input_names_who_chose_it(barriers: Store) -> None:
    with barriers.session(read_only=True) as session:
        request = simulation_request(session, question())
        inputs = {each.name: each for each in request.inputs}
    assert inputs["vacancies"].basis == "given"
    assert "Vineyard" in inputs["attempt_frequency_hz"].source
    assert inputs["temperature_k"].basis == "assumed"
    barrier = inputs["e_a_ev"]
    assert (barrier.basis, "80% interval" in barrier.source) == ("store", True)
    assert barrier.low < barrier.value < barrier.high
    assert "Song 2001" in inputs["bottom_work_function_ev"].source
    assert "Rivière 1957" in inputs["top_work_function_ev"].source
    assert "permittivity" not in inputs


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"inputs": {"bias_v": 1.0}}, InputError, "--thickness-nm .*; --vacancies .* or --anneal"),
        ({"stack": "ITO/CsPbI3/Ag"}, InputError, "write BOTTOM/CsPbBr3/TOP"),
        ({"stack": "ITO/TiO2/CsPbBr3/Ag"}, InputError, "a single layer"),
        ({"inputs": GIVEN | {"thick": 1.0}}, InputError, "no input 'thick'"),
        ({"material": "MAPbI3"}, NotFoundError, "pvkdb neb MAPbI3"),
        ({"annealed_k": 400.0}, NotFoundError, "no formation energy"),
    ],
)
def test_what_is_missing_is_asked_for(
    barriers: Store, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    with barriers.session(read_only=True) as session, pytest.raises(error, match=words):
        simulation_request(session, question(**changes))


def test_the_formation_energy_gives_the_vacancies(barriers: Store) -> None:
    """0.5 to 0.7 eV at 400 K: exp(−E_f/kT) is 5.0e-7 to 1.5e-9."""
    with barriers.session() as session:
        known = {"quantity": "DFE", "scope": "computed", "method": "DFT", "source": "made up"}
        known |= {"defect": "V_Br", "species": "Br", "approximate": False}
        value = {"material_id": "CsPbBr3-Pnma", "value_min_ev": 0.5, "value_max_ev": 0.7}
        session.add(Energetic(id="e-made-up", **known, **value))
        session.flush()
        inputs = {name: each for name, each in GIVEN.items() if name != "vacancies"}
        request = simulation_request(session, question(inputs=inputs, annealed_k=400.0))
        session.rollback()
    (vacancies,) = (each for each in request.inputs if each.name == "vacancies")
    assert vacancies.low == pytest.approx(1.5e-9, rel=0.03)
    assert vacancies.high == pytest.approx(5.0e-7, rel=0.03)
    assert "equilibrium at 400 K" in vacancies.source


@pytest.mark.long
def test_the_device_of_the_page_is_computed_once_as_there(barriers: Store, tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    command = text.split("$ pvkdb ")[1].partition("```")[0].replace("\\\n", " ")
    first = CliRunner().invoke(app, shlex.split(f"{command} --json"))
    assert first.exit_code == 0, first.exception
    result = SimulationResult.model_validate_json(first.stdout)
    for quantity in result.quantities:
        (line,) = (each for each in text.splitlines() if each.startswith(f"| {quantity.name} |"))
        assert f"| {number(quantity.value or 0.0)}" in line
        cause, share = next(iter(quantity.shares.items()))
        assert f"{cause} {percent(share)}" in line
    assert result.motion is not None
    assert len(result.loops) == 5
    assert result.compact["model"] == "ionic"
    fitted, *held_out = re.findall(r"\(rms\), (\S+)% of", " ".join(result.compact["notes"]))
    words = " ".join(text.split())
    assert f"`ionic` is off by {fitted} % of all" in words
    assert f"and by {' and '.join(held_out)} % of the loops ten times slower and faster" in words
    assert (tmp_path / "device.html").read_text().count("<img") == 3
    again = CliRunner().invoke(app, shlex.split(command))
    assert "from the store" in again.stderr
    assert "current density at the largest" in " ".join(again.stdout.split())
    other = CliRunner().invoke(app, shlex.split(f"{command} --set top_work_function_ev=7"))
    assert isinstance(other.exception, CalculationFailedError)
    assert "invalid request" in str(other.exception.kind)


def test_the_client_queues_a_device_once(barriers: Store) -> None:
    with pvkdb.open_store(str(barriers.url)) as client:
        queued = client.calculations.simulate(question())
        assert (queued.kind, queued.state.value) == ("simulation", "queued")
        assert client.calculations.simulate(question()).id == queued.id
        assert queued.simulation is None
        with pytest.raises(UnknownKeyError, match="pvkdb neb MAPbI3"):
            client.calculations.simulate(question(material="MAPbI3"))
