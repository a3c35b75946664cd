"""A request may be repeated under its Idempotency-Key, whatever became of the first answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from pvkdb.schemas.calculations import CalculationState
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.access import RememberedAnswer
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.security.audit import entries
from pvkdb.store.security.idempotency import KEPT

from ..conftest import Api
from ..guarded import CALCULATIONS, guarding, key_for, queue


@pytest.fixture(scope="module")
def api(guarded_store: Store) -> Iterator[Api]:
    with guarding(guarded_store) as api:
        yield api


@pytest.fixture(scope="module")
def key(guarded_store: Store) -> str:
    return key_for(guarded_store, "queue")


def test_a_repeated_request_gets_the_first_answer(api: Api, guarded_store: Store, key: str) -> None:
    first = queue(api, "CsPbBr3", key, **{"Idempotency-Key": "a"})
    with guarded_store.session() as session:
        session.get_one(Calculation, first.json()["id"]).state = CalculationState.DONE.value
    again = queue(api, "CsPbBr3", key, **{"Idempotency-Key": "a"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert queue(api, "CsPbBr3", key).json()["state"] == "done"


def test_a_key_with_another_body_queues_nothing(api: Api, guarded_store: Store, key: str) -> None:
    assert queue(api, "CsSnBr3", key, **{"Idempotency-Key": "b"}).status_code == 202
    other = queue(api, "CsGeBr3", key, **{"Idempotency-Key": "b"})
    assert other.status_code == 422
    assert other.json()["parameter"] == "Idempotency-Key"
    assert "another request" in other.json()["detail"]
    with guarded_store.session(read_only=True) as session:
        germanium = select(Calculation).where(Calculation.material_id.startswith("CsGeBr3"))
        assert session.scalars(germanium).all() == []


def test_keys_of_different_callers_are_different(api: Api, guarded_store: Store, key: str) -> None:
    other = key_for(guarded_store, "queue")
    assert queue(api, "CsPbI3", key, **{"Idempotency-Key": "c"}).status_code == 202
    assert queue(api, "CsPbCl3", other, **{"Idempotency-Key": "c"}).status_code == 202


def test_a_refused_request_is_not_remembered(api: Api, key: str) -> None:
    assert queue(api, "CsPbO3", key, **{"Idempotency-Key": "d"}).status_code == 422
    assert queue(api, "RbPbBr3", key, **{"Idempotency-Key": "d"}).status_code == 202


def test_repetitions_at_the_same_time_write_once(api: Api, guarded_store: Store, key: str) -> None:
    headers = {"X-API-Key": key, "Idempotency-Key": "e"}
    sent = ("POST", CALCULATIONS, {"json": {"formula": "RbSnBr3"}, "headers": headers})
    answers = api.together([sent] * 8)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    with guarded_store.session(read_only=True) as session:
        made = [entry.subject for entry in entries(session, 100)]
    assert made.count(answers[0].json()["id"]) == 1


def test_after_a_day_a_key_is_forgotten(api: Api, guarded_store: Store, key: str) -> None:
    queue(api, "RbPbI3", key, **{"Idempotency-Key": "f"})
    with guarded_store.session() as session:
        kept = session.scalars(select(RememberedAnswer).where(RememberedAnswer.key == "f")).one()
        kept.created_at = utc_now() - KEPT - timedelta(seconds=1)
    assert queue(api, "RbPbCl3", key, **{"Idempotency-Key": "f"}).status_code == 202


@pytest.mark.parametrize("value", ["", "x" * 256, "a b", "naïve"])
def test_a_key_that_cannot_be_one_is_refused(api: Api, key: str, value: str) -> None:
    headers = {"X-API-Key": key, "Idempotency-Key": value.encode("latin-1")}
    answer = api.request("POST", CALCULATIONS, json={"formula": "CsPbBr3"}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["parameter"] == "Idempotency-Key"
