"""Kept results: computed once, and again as soon as the data or the code differ."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from pvkdb.store.curation import kept
from pvkdb.store.database import Store


class Answer(BaseModel):
    value: int


@pytest.fixture
def answer(sqlite_store: Store) -> Callable[..., int]:
    """How often a result has been computed when it is asked for."""
    computed = []

    def compute() -> Answer:
        computed.append(1)
        return Answer(value=len(computed))

    def answer(read_only: bool = True) -> int:
        with sqlite_store.session(read_only=read_only) as session:
            return kept.kept(session, "answer", Answer, compute).value

    return answer


def test_a_store_that_cannot_be_written_keeps_results_in_memory(sqlite_store, answer) -> None:
    with sqlite_store.session() as writing:
        writing.execute(text("UPDATE bibliography SET title = title"))  # holds the lock
        assert (answer(), answer()) == (1, 1)
    assert answer() == 2  # the data have changed


def test_equal_installations_have_equal_kept_results(tmp_path, monkeypatch) -> None:
    def code(folder: str, text: str) -> str:
        file = tmp_path / folder / "pvkdb/store/curation/kept.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        monkeypatch.setattr(kept, "__file__", str(file))
        return kept._code.__wrapped__()

    assert code("one", "x = 1") == code("two", "x = 1") != code("one", "x = 2")


def test_a_result_is_computed_again_only_after_a_change(sqlite_store, answer, monkeypatch) -> None:
    assert answer(read_only=False) == 1  # what it sees may be rolled back
    assert (answer(), answer()) == (2, 2)
    with sqlite_store.session() as session:
        session.execute(text("UPDATE bibliography SET title = title"))
    assert (answer(), answer()) == (3, 3)
    monkeypatch.setattr(kept, "_code", lambda: "another version")
    assert answer() == 4


def test_the_last_result_is_shown_for_a_while_where_another_process_makes_it_again(
    sqlite_store, answer
) -> None:
    assert answer() == 1
    with sqlite_store.session() as session:
        session.execute(text("UPDATE bibliography SET title = title"))

    def lagging(most_s: float) -> tuple[int, kept.Lag]:
        lag = kept.Lag(most_s, lambda seen: 5.0)
        with sqlite_store.session(read_only=True) as session:
            session.info[kept.LAG] = lag
            found = kept.kept(session, "answer", Answer, lambda: Answer(value=2))
        return found.value, lag

    value, lag = lagging(most_s=6)
    assert (value, lag.shown_s) == (1, 5.0)
    sqlite_store.kept.clear()  # from the database
    assert lagging(most_s=6)[0] == 1
    value, lag = lagging(most_s=4)
    assert (value, lag.shown_s) == (2, 0.0)
