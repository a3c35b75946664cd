"""How long calculations take: from the store where it knows, else from the shipped averages."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import pytest

from pvkdb.schemas.calculations import CalculationDocument, PotentialName
from pvkdb.schemas.migration import NebRequest
from pvkdb.schemas.relaxations import ElementRequest
from pvkdb.store import queue
from pvkdb.store.database import Store
from pvkdb.store.rows import calculation_document
from pvkdb_pipelines.engines.durations import CAUTION, Durations

MIGRATIONS = Path(__file__).parents[3] / "docs" / "validation" / "migration.json"


def element(store: Store, symbol: str, took_s: float | None = None) -> CalculationDocument:
    request = ElementRequest(symbol=symbol, potential=PotentialName.SEVENNET_0)
    with store.session() as session:
        calculation, _ = queue.enqueue(session, request)
        if took_s is not None:
            assert queue.claim(session, "a", calculation.id) is not None
            queue.finish(session, calculation.id, "a", {"wall_seconds": took_s}, {})
        return calculation_document(calculation)


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


@pytest.mark.parametrize("potential", list(PotentialName))
def test_barriers_take_what_the_validated_ones_took(
    empty_store: Store, potential: PotentialName
) -> None:
    took = [
        entry["result"]["cpu_seconds"]
        for entry in json.loads(MIGRATIONS.read_text())["computed"]
        if entry["potential"] == potential.value and entry.get("result")
    ]
    with empty_store.session() as session:
        request = NebRequest(formula="CsPbBr3", potential=potential)
        document = calculation_document(queue.submit(session, request)[0])
    # Measured again, on another day or with more cases, they take about as long.
    assert Durations(empty_store).typical_s(document) == pytest.approx(fmean(took), rel=0.4)
    assert Durations(empty_store).longest_s(document) > max(took)
