"""What runs on a compute node: results that travel, and faults that become data."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.errors import CalculationFailedError, MissingExtraError
from pvkdb.schemas.calculations import CalculationDocument, FailureKind, PotentialName
from pvkdb.store.base import Base
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.engines import node
from pvkdb_pipelines.engines.node import NodeResult, compute_batch
from pvkdb_pipelines.prototypes import compound_of, phases
from pvkdb_pipelines.relaxations.compound import relax_request
from pvkdb_pipelines.work import tasks

from ...queueing import Queue


@pytest.fixture
def document(sqlite_store: Store) -> CalculationDocument:
    compound = compound_of(parse_composition("CsPbBr3"))
    info = phases(compound.stoichiometry)[0]
    request = relax_request(compound, info, PotentialName.CHGNET)
    queue = Queue(sqlite_store)
    return calculation_document(queue.entry(queue.put(request)))


@pytest.mark.slow
def test_a_relaxation_travels_without_its_model(sqlite_store, document):
    (ended,) = compute_batch([document])
    sent = pickle.dumps(ended)
    assert len(sent) < 20_000  # the weights of CHGNet are megabytes
    arrived: NodeResult = pickle.loads(sent)
    assert arrived.outcome.result == ended.outcome.result
    with sqlite_store.session() as session:
        calculation = session.get_one(Calculation, document.id)
        (here,) = ended.outcome.records(session, calculation)
        (there,) = arrived.outcome.records(session, calculation)
        assert isinstance(there, Structure)
        assert columns(there) == columns(here)
        assert contents(there) == contents(here)
        per_formula = arrived.outcome.result["energy_ev_per_formula"]
        assert there.energy_ev == pytest.approx(per_formula * there.atoms / 5)
        session.rollback()


def columns(record: Base) -> dict[str, Any]:
    own = {name: value for name, value in vars(record).items() if not name.startswith("_sa_")}
    return {name: value for name, value in own.items() if name != "elements"}


def contents(structure: Structure) -> set[tuple[str, int]]:
    return {(entry.element, entry.atoms) for entry in structure.elements}


CLOSE = (FailureKind.ATOMS_TOO_CLOSE, "1 Å apart")
BY_ZERO = (FailureKind.CRASHED, "ZeroDivisionError: by zero")


@pytest.mark.parametrize(
    ("error", "field", "value"),
    [
        (CalculationFailedError(*CLOSE), "failure", tasks.Failure(*CLOSE)),
        (ZeroDivisionError("by zero"), "failure", tasks.Failure(*BY_ZERO)),
        (MemoryError(), "lost", "out of memory"),
        (MissingExtraError("chgnet", "potentials"), "trouble", "'chgnet' is not installed"),
    ],
)
def test_exceptions_become_data(document, monkeypatch, error, field, value):
    def raising(*args: Any) -> tasks.Outcome:
        raise error

    monkeypatch.setattr(node, "compute", raising)
    (ended,) = pickle.loads(pickle.dumps(compute_batch([document])))
    said = getattr(ended, field)
    assert said == value if isinstance(value, tuple) else value in said
    others = {"outcome", "failure", "lost", "trouble"} - {field}
    assert {getattr(ended, other) for other in others} == {None}
