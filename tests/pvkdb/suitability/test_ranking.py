"""Rankings of the devices of Table 4."""

from __future__ import annotations

import pytest

from pvkdb.errors import NotFoundError
from pvkdb.schemas.rankings import Verdict
from pvkdb.store.database import Store
from pvkdb.suitability import applications, rank, rankings_rows


def test_synaptic_training_asks_what_section_6_asks(store: Store) -> None:
    with store.session() as session:
        ranking = rank(session, "synaptic-training")
    assert [(r.metric, r.comparator, r.value) for r in ranking.requirements] == [
        ("endurance_cycles", ">", 1e6),
        ("retention_s", ">", 1e3),
    ]
    assert len(ranking.devices) == 28


def test_only_the_nanowires_meet_both(store: Store) -> None:
    with store.session() as session:
        ranking = rank(session, "synaptic-training")
    best = [entry for entry in ranking.devices if entry.met == 2]
    assert {entry.references for entry in best} == {"r161", "r162"}
    assert [entry.rank for entry in best] == [1, 1]
    assert ranking.devices[2].rank == 3


def test_missing_metrics_are_unknown_and_never_rank_above_known_ones(store: Store) -> None:
    with store.session() as session:
        ranking = rank(session, "synaptic-training")
    by_id = {entry.device: entry for entry in ranking.devices}
    unknown = by_id["d-t4-r03"]  # ITO/MAPbI3/ZnO/Au: neither endurance nor retention printed
    assert [c.verdict for c in unknown.criteria] == [Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert unknown.rank == max(entry.rank for entry in ranking.devices)


def test_order_follows_the_rule(store: Store) -> None:
    with store.session() as session:
        ranking = rank(session, "synaptic-inference")
    standing = [(-e.met, e.unknown, round(e.shortfall_decades, 9)) for e in ranking.devices]
    assert standing == sorted(standing)


def test_an_unknown_application_names_the_known_ones(store: Store) -> None:
    with store.session() as session, pytest.raises(NotFoundError, match="synaptic-training"):
        rank(session, "synaptic-trainin")


def test_the_table_holds_every_device_under_every_application(store: Store) -> None:
    with store.session() as session:
        rows = list(rankings_rows(session))
        assert len(rows) == 28 * len(applications(session))
