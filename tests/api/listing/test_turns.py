"""In which order the files of several callers are made."""

from __future__ import annotations

import asyncio
import threading

from pvkdb_api.listing.streams import (
    LONG_AT_ONCE,
    LONG_S,
    TURNS_AT_ONCE,
    FileWork,
    Receiver,
    Streams,
)


def order_of(*works: FileWork) -> list[str]:
    """The paths of files in the order of their turns, which begin when others have had theirs."""
    made: list[str] = []

    async def make_all() -> None:
        streams, ready = Streams(60), threading.Event()
        others = [
            asyncio.create_task(streams.turn(FileWork(Receiver(), "/other"), ready.wait))
            for _ in range(TURNS_AT_ONCE)
        ]
        await asyncio.sleep(0)
        turns = [
            asyncio.create_task(streams.turn(each, lambda path=each.path: made.append(path)))
            for each in works
        ]
        await asyncio.sleep(0)
        ready.set()
        await asyncio.wait_for(asyncio.gather(*others, *turns), 20)

    asyncio.run(make_all())
    return made


def long(path: str, receiver: Receiver | None = None) -> FileWork:
    return FileWork(receiver or Receiver(), path, LONG_S)


def test_a_short_file_waits_for_no_long_one() -> None:
    works = [*(long(f"/long/{n}") for n in range(20)), FileWork(Receiver(), "/short")]
    assert "/short" in order_of(*works)[: LONG_AT_ONCE + 1]


def test_long_files_leave_a_turn_to_a_short_one() -> None:
    """Its turn comes while two long files are made and a third one waits."""

    async def make() -> None:
        streams, ready = Streams(60), threading.Event()
        others = [
            asyncio.create_task(streams.turn(long(f"/{n}"), ready.wait))
            for n in range(TURNS_AT_ONCE + 17)
        ]
        await asyncio.sleep(0)
        try:
            short = streams.turn(FileWork(Receiver(), "/short"), lambda: "made")
            assert await asyncio.wait_for(short, 20) == "made"
        finally:
            ready.set()
        await asyncio.gather(*others)

    asyncio.run(make())


def test_callers_take_turns_with_their_long_files(monkeypatch) -> None:
    monkeypatch.setattr("pvkdb_api.listing.streams.LONG_AT_ONCE", 1)
    one, two = Receiver(), Receiver()
    works = [long("a1", one), long("a2", one), long("a3", one), long("b1", two), long("b2", two)]
    assert order_of(*works) == ["a1", "b1", "a2", "b2", "a3"]


def test_a_file_counts_like_the_last_ones_of_its_path_until_it_has_taken_long_itself() -> None:
    async def make() -> None:
        streams = Streams(60)
        new = FileWork(Receiver(), "/x")
        assert not streams.is_long(new)
        await streams.turn(FileWork(Receiver(), "/x", 4 * LONG_S), lambda: None)
        assert streams.is_long(new)
        assert not streams.is_long(FileWork(Receiver(), "/y"))
        for _ in range(3):  # of short ones
            await streams.turn(FileWork(Receiver(), "/x"), lambda: None)
        assert not streams.is_long(new)

    asyncio.run(make())


def test_a_request_that_is_gone_leaves_its_turn_to_the_next() -> None:
    async def make() -> list[str]:
        streams, ready, made = Streams(60), threading.Event(), list[str]()
        others = [
            asyncio.create_task(streams.turn(FileWork(Receiver(), "/o"), ready.wait))
            for _ in range(TURNS_AT_ONCE)
        ]
        gone, kept = (
            asyncio.create_task(
                streams.turn(FileWork(Receiver(), path), lambda p=path: made.append(p))
            )
            for path in ("gone", "kept")
        )
        await asyncio.sleep(0)
        gone.cancel()
        ready.set()
        await asyncio.wait_for(asyncio.gather(kept, *others), 60)
        assert await streams.turn(FileWork(Receiver(), "/o"), lambda: True)
        return made

    assert asyncio.run(make()) == ["kept"]
