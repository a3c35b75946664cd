"""How long calculations take: from the store where it knows, else from the shipped averages."""

from __future__ import annotations

import json
from statistics import fmean

import pytest

from pvkdb.schemas.calculations import CalculationDocument, PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.relaxations import ElementRequest
from pvkdb.store.database import Store
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.engines.durations import CAUTION, Durations

from ...queueing import Queue
from .shipped_barriers import VALIDATION, barrier_seconds


def element(store: Store, symbol: str, took_s: float | None = None) -> CalculationDocument:
    queue = Queue(store)
    name = queue.put(ElementRequest(symbol=symbol, potential=PotentialName.SEVENNET_0))
    if took_s is not None:
        assert queue.claim("a", name) is not None
        queue.finish(name, "a", {"wall_seconds": took_s}, {})
    return calculation_document(queue.entry(name))


def test_the_store_knows_better_than_the_shipped_averages(empty_store: Store) -> None:
    waiting = element(empty_store, "Li")
    assert Durations(empty_store).typical_s(waiting) == 1.3
    assert Durations(empty_store).longest_s(waiting) == pytest.approx(1.3 * CAUTION)
    element(empty_store, "Na", 1.0)
    element(empty_store, "K", 2.0)
    durations = Durations(empty_store)
    assert durations.typical_s(waiting) == pytest.approx(1.5)
    durations.learn(waiting, 60.0)
    assert durations.typical_s(waiting) == pytest.approx(21.0)
    assert durations.longest_s(waiting) >= 60.0


def test_estimates_are_of_the_same_type_and_size_of_cell(queue: Queue) -> None:
    def parameters(formula: str, phase: str) -> dict[str, str]:
        return {"formula": formula, "phase": phase, "potential": "chgnet"}

    def took(durations: Durations, formula: str, phase: str, seconds: float) -> None:
        request = NebRequest(formula=formula, phase=phase, potential=PotentialName.CHGNET)
        durations.learn(calculation_document(queue.entry(queue.ask(request))), seconds)

    durations = Durations(queue.store)
    for formula, phase, seconds in (
        ("CsPbBr3", "Pnma", 20.0),
        ("CsPbI3", "Pnma", 30.0),
        ("CsPbI3", "Pm-3m", 70.0),
        ("Cs2SnI6", "Fm-3m", 8.0),
    ):
        took(durations, formula, phase, seconds)
    assert durations.estimate_s("neb", parameters("RbSnCl3", "Pnma")) == pytest.approx(25.0)
    assert durations.estimate_s("neb", parameters("RbSnCl3", "R3m")) == pytest.approx(40.0)
    assert durations.estimate_s("neb", parameters("Cs3Sb2I9", "P-3m1")) == pytest.approx(32.0)
    for formula, times in (("MASnBr3", 20), ("CsPbI2Br", 7), ("FAPb0.5Sn0.5I3", 70)):
        unknown = parameters(formula, "Pnma")
        assert durations.estimate_s("neb", unknown) == pytest.approx(32.0 * times)
    took(durations, "MAPbI3", "Pnma", 900.0)
    assert durations.estimate_s("neb", parameters("MASnBr3", "R3m")) == pytest.approx(900.0)


@pytest.mark.parametrize(
    "potential", [name for name in PotentialName if name != PotentialName.SEVENNET_0_D3]
)
def test_barriers_take_what_those_of_the_shipped_plan_and_of_the_validation_took(queue, potential):
    of_the_plan = barrier_seconds(potential)
    validated = [
        entry["result"]["cpu_seconds"]
        for entry in json.loads((VALIDATION / "migration.json").read_text())["computed"]
        if entry["potential"] == potential.value and entry.get("result")
    ]
    request = NebRequest(formula="CsPbBr3", potential=potential)
    document = calculation_document(queue.entry(queue.ask(request)))
    durations = Durations(queue.store)
    assert len(of_the_plan) > 50
    assert durations.typical_s(document) == pytest.approx(fmean(of_the_plan), rel=0.05)
    assert durations.longest_s(document) > max(*of_the_plan, *validated)
