"""Kept results: computed once, and again as soon as the data or the code differ."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy import text

from pvkdb.store.curation import kept
from pvkdb.store.database import Store


class Answer(BaseModel):
    value: int


def test_a_result_is_computed_again_only_after_a_change(sqlite_store: Store, monkeypatch) -> None:
    computed = []

    def answer(read_only: bool = True) -> int:
        def compute() -> Answer:
            computed.append(1)
            return Answer(value=len(computed))

        with sqlite_store.session(read_only=read_only) as session:
            return kept.kept(session, "answer", Answer, compute).value

    assert answer(read_only=False) == 1  # what it sees may be rolled back
    assert (answer(), answer()) == (2, 2)
    with sqlite_store.session() as session:
        session.execute(text("UPDATE bibliography SET title = title"))
    assert (answer(), answer()) == (3, 3)
    monkeypatch.setattr(kept, "_code", lambda: "another version")
    assert answer() == 4
