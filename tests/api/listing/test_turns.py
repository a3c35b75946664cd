"""In which order the files of several callers are made."""

from __future__ import annotations

import asyncio
import threading
from asyncio import Semaphore

import pytest

from pvkdb_api.listing import streams
from pvkdb_api.listing.streams import LONG_S, TURNS_AT_ONCE, FileWork, Streams


def order_of(monkeypatch: pytest.MonkeyPatch, *works: FileWork) -> list[str]:
    """The paths of files in the order of their turns, of which there is one at a time."""
    for limit in ("TURNS_AT_ONCE", "LONG_AT_ONCE"):
        monkeypatch.setattr(streams, limit, 1)
    made: list[str] = []

    async def make_all() -> None:
        queue, ready = Streams(60), threading.Event()
        other = asyncio.create_task(queue.turn(FileWork(Semaphore(), "/other"), ready.wait))
        await asyncio.sleep(0)
        turns = [
            asyncio.create_task(queue.turn(each, lambda path=each.path: made.append(path)))
            for each in works
        ]
        await asyncio.sleep(0)
        ready.set()
        await asyncio.wait_for(asyncio.gather(other, *turns), 20)

    asyncio.run(make_all())
    return made


def long(path: str, share: Semaphore | None = None) -> FileWork:
    return FileWork(share or Semaphore(), path, LONG_S)


def test_a_short_file_goes_before_long_ones(monkeypatch) -> None:
    works = [*(long(f"/long/{n}") for n in range(20)), FileWork(Semaphore(), "/short")]
    assert order_of(monkeypatch, *works)[0] == "/short"


def test_long_files_leave_a_turn_to_a_short_one() -> None:
    """Its turn comes while two long files are made and a third one waits."""

    async def make() -> None:
        queue, ready = Streams(60), threading.Event()
        others = [
            asyncio.create_task(queue.turn(long(f"/{n}"), ready.wait))
            for n in range(TURNS_AT_ONCE + 17)
        ]
        await asyncio.sleep(0)
        try:
            short = queue.turn(FileWork(Semaphore(), "/short"), lambda: "made")
            assert await asyncio.wait_for(short, 20) == "made"
        finally:
            ready.set()
        await asyncio.gather(*others)

    asyncio.run(make())


def test_callers_take_turns_with_their_long_files(monkeypatch) -> None:
    one, two = Semaphore(), Semaphore()
    works = [long("a1", one), long("a2", one), long("a3", one), long("b1", two), long("b2", two)]
    assert order_of(monkeypatch, *works) == ["a1", "b1", "a2", "b2", "a3"]


def test_a_file_counts_like_the_last_ones_of_its_path_until_it_has_taken_long_itself() -> None:
    async def make() -> None:
        queue = Streams(60)
        new = FileWork(Semaphore(), "/x")
        assert not queue.is_long(new)
        await queue.turn(FileWork(Semaphore(), "/x", 4 * LONG_S), lambda: None)
        assert queue.is_long(new)
        assert not queue.is_long(FileWork(Semaphore(), "/y"))
        for _ in range(3):  # of short ones
            await queue.turn(FileWork(Semaphore(), "/x"), lambda: None)
        assert not queue.is_long(new)

    asyncio.run(make())


def test_a_request_that_is_gone_leaves_its_turn_to_the_next() -> None:
    async def make() -> list[str]:
        queue, ready, made = Streams(60), threading.Event(), list[str]()
        others = [
            asyncio.create_task(queue.turn(FileWork(Semaphore(), "/o"), ready.wait))
            for _ in range(TURNS_AT_ONCE)
        ]
        gone, kept = (
            asyncio.create_task(
                queue.turn(FileWork(Semaphore(), path), lambda p=path: made.append(p))
            )
            for path in ("gone", "kept")
        )
        await asyncio.sleep(0)
        gone.cancel()
        ready.set()
        await asyncio.wait_for(asyncio.gather(kept, *others), 60)
        assert await queue.turn(FileWork(Semaphore(), "/o"), lambda: True)
        return made

    assert asyncio.run(make()) == ["kept"]
