"""What a result means for motion, as the command, its page and Python give it."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from math import exp
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.errors import InputError, NotFoundError
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.kinetics import KineticsAnswer
from pvkdb.simulation.dilute import diffusion
from pvkdb.simulation.network import Hopping, network_of
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.suitability.evidence.simulations import answer_simulation

from .conftest import Released

pytest.importorskip("numba", reason="numba is not installed (extra 'simulation')")
report = import_module("pvkdb.simulation.report")

PAGE = Path(__file__).parents[3] / "docs" / "simulation.md"


@pytest.mark.parametrize(
    ("material", "axis", "words"),
    [
        (
            ("CsPbBr3", "Pnma", "sevennet-0"),
            "a",
            "bottleneck 0.219: harder hops share the way; carried by hop 3 38%, hop 6 21%",
        ),
        (("KCaCl3", "Pnma", "sevennet-0"), "b", "sites 0.010 eV above the lowest are occupied"),
        (("Cs2MnBr4", "I4/mmm", "sevennet-0"), "a", "0.840: easier hops lead there obliquely"),
        (("Cs2PdCl6", "Fm-3m", "chgnet"), "c", ", bottleneck 0.776; carried by hop 2 100%"),
        (("K2IrCl6", "P4/mnc", "chgnet"), "c", ": no path leads on"),
    ],
)
def test_the_activation_energy_says_why_it_is_not_the_bottleneck(
    released: Released, material: tuple[str, str, str], axis: str, words: str
) -> None:
    result = released[material]
    network = network_of(result)
    found = diffusion(Hopping(network, 298.15, 1e12)).along(network.cell_ang["abc".index(axis)])
    assert words in report._reason(result, axis, found)


@pytest.mark.slow
@pytest.mark.usefixtures("barriers")
def test_the_command_says_every_number_with_its_interval_and_assumptions() -> None:
    outcome = CliRunner().invoke(app, ["simulate", "CsPbBr3", "--json"])
    assert outcome.exit_code == 0, outcome.exception
    answer = KineticsAnswer.model_validate_json(outcome.stdout)
    (ion,) = answer.ions
    assert (answer.asked, ion.ion, ion.basis) == ("CsPbBr3-Pnma", "V_Br", "potentials")
    quantities = {each.name: each for each in ion.document.quantities}
    for axis in "abc":
        energy = quantities[f"E_A along {axis}"]
        assert (energy.minimum or 0.0) < 0.21 < (energy.maximum or 0.0)
        assert "bottleneck" in energy.equation
    drifts = [each.maximum for name, each in quantities.items() if name.startswith("drift across ")]
    assert len(drifts) == 3
    assumed = {each.name: each for each in ion.document.assumptions}
    assert "80% interval of sevennet-l3i5" in assumed["e_a_ev"].source
    assert "Vineyard" in assumed["attempt_frequency_hz"].source


@pytest.mark.slow
def test_several_phases_are_not_mixed(barriers: Store) -> None:
    """One of the two calculations belongs to CsPbBr3 of an unknown phase."""
    with barriers.session() as session:
        for each in session.scalars(select(Calculation)):
            if each.parameters["potential"] == "chgnet":
                each.material_id = "CsPbBr3"
        session.flush()
        with pytest.raises(InputError, match="several phases: name CsPbBr3 or CsPbBr3-Pnma"):
            answer_simulation(session, "CsPbBr3", 300.0)
        with pytest.raises(NotFoundError, match="in CsPbBr3-Pnma by chgnet"):
            answer_simulation(session, "CsPbBr3-Pnma", 300.0, "chgnet")


@pytest.mark.slow
@pytest.mark.parametrize(("kelvin", "said"), [(300.0, "given"), (None, "room temperature")])
def test_a_temperature_is_given_or_a_default(
    caesium_lead_bromide: NebResult, kelvin: float | None, said: str
) -> None:
    document = report.simulate(caesium_lead_bromide, kelvin, (0.20, 0.24), "DFT")
    (told,) = (each for each in document.assumptions if each.name == "temperature_k")
    assert (told.source, told.default) == (said, kelvin is None)


@pytest.mark.slow
def test_a_close_barrier_gives_windows(caesium_lead_bromide: NebResult) -> None:
    """DFT within 20 meV: a factor of two each way, the attempt frequency √10."""
    document = report.simulate(caesium_lead_bromide, 300.0, (0.20, 0.24), "DFT")
    found = document.quantity("D along b")
    assert found.missing is None
    spread = found.maximum / found.minimum
    assert spread == pytest.approx(10 * exp(0.04 / (BOLTZMANN_EV_PER_K * 300.0)), rel=1e-6)


@pytest.mark.slow
def test_the_page_runs(barriers: Store, capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    commands = re.findall(r"^pvkdb (simulate [^#\n]*)", text, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        outcome = CliRunner().invoke(app, shlex.split(command))
        assert outcome.exit_code == 0, (command, outcome.exception)
    assert '"E_A along c"' in outcome.stdout
    codes = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(codes) == 3
    for code in codes:
        exec(compile(code, str(PAGE), "exec"), {})
    printed = capsys.readouterr().out
    assert "coefficient_m2_per_s=1.4599" in printed
    assert re.search(r"correlation factor 0\.6\d", printed)
