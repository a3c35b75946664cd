"""Signs of workers in the store."""

from __future__ import annotations

from datetime import timedelta

from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.base import utc_now
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.monitoring import worker_signs


def test_workers_are_seen_by_their_leases_and_by_what_they_ended(store):
    with store.session() as session:
        assert worker_signs(session).last_seen is None
        names = [
            queue.submit(session, NebRequest(formula=formula))[0].id
            for formula in ("CsPbBr3", "CsPbI3", "CsPbCl3")
        ]
        assert worker_signs(session).last_seen is None
        for name, owner in zip(names, ("a", "a", "b"), strict=True):
            queue.claim(session, owner, name)
        signs = worker_signs(session)
        assert signs.working == 2
        assert utc_now() - signs.last_seen < timedelta(seconds=30)
    with store.session() as session:
        long_ago = utc_now() - timedelta(hours=3)
        for name in names:
            calculation = session.get_one(Calculation, name)
            calculation.started_at, calculation.lease_until = long_ago, long_ago
        session.flush()
        signs = worker_signs(session)
        assert (signs.working, signs.last_seen) == (0, long_ago)


def test_a_result_of_another_store_is_no_sign_of_a_worker(store):
    with store.session() as session:
        imported = queue.submit(session, NebRequest(formula="CsPbBr3"))[0]
        imported.state, imported.started_at, imported.finished_at = "done", utc_now(), utc_now()
        session.flush()
        assert worker_signs(session).last_seen is None
