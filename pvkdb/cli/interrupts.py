"""Ctrl-C and SIGTERM as one exception, from the first line of the program on."""

from __future__ import annotations

import signal
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
