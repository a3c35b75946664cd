"""Ctrl-C and SIGTERM as one exception, from the start of the program on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class StopRequest(KeyboardInterrupt):
    """SIGINT or SIGTERM arrived.

    A class of its own, because CPython ends a process by the signal itself, whatever its exit
    code, once a plain KeyboardInterrupt has passed through code that was executed from a string,
    as many libraries do while they are imported.
    """


def install() -> None:
    """Handle both signals, even if a shell started the program with SIGINT ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _raise)


@contextmanager
def finishing_on_sigterm(finish: Callable[[], None]) -> Iterator[None]:
    """Call ``finish`` on the first SIGTERM within the block; a second one stops at once."""

    def on_first(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, _raise)
        finish()

    before = signal.signal(signal.SIGTERM, on_first)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def install_in_worker() -> None:
    """Handle the first SIGINT only: Ctrl-C reaches all processes, and the parent sends it too."""
    signal.signal(signal.SIGINT, lambda *at: None if _requested else _raise(*at))


def requested() -> bool:
    """Return whether a stop request has arrived, even if a library swallowed it."""
    return _requested


def check() -> None:
    """Raise StopRequest if one has arrived; call at every step, and where anything has failed."""
    if _requested:
        raise StopRequest


_requested = False


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    # An exception raised in a destructor or in a callback of C code is lost, and a library turns it
    # into an error of its own while it is imported; the flag stays.
    global _requested
    _requested = True
    raise StopRequest
