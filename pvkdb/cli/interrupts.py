"""Ctrl-C and SIGTERM as one exception, from the first line of the program on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class StopRequest(KeyboardInterrupt):
    """SIGINT or SIGTERM arrived.

    A class of its own, because CPython ends a process by the signal itself, whatever exit code it
    asks for, once a plain KeyboardInterrupt has passed through code that was executed from a
    string, as many libraries do while they are imported.
    """


def install() -> None:
    """Handle both signals, also where a shell started the program with SIGINT ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _raise)


@contextmanager
def ending_well(ask: Callable[[], None]) -> Iterator[None]:
    """Within the block, the first SIGTERM only asks for the end; a second one stops at once."""

    def on_first(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, _raise)
        ask()

    before = signal.signal(signal.SIGTERM, on_first)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def check() -> None:
    """Raise what was asked for, if a library has swallowed it; to be called at every step."""
    if _requested:
        raise StopRequest


_requested = False


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    # An exception raised in a destructor or a callback of C code is lost; the note is not.
    global _requested
    _requested = True
    raise StopRequest
