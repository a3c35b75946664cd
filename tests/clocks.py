"""A clock of a module's own."""

from __future__ import annotations

import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def set_clock(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType, **functions: Any) -> None:
    """Give modules their own ``time`` with other functions.

    Never ``module.time.monotonic`` itself: it is that of the whole process. The event loop of a
    service in a thread would plan its next turn by it, and stand still until the real clock, which
    counts from the machine's start, has come so far.
    """
    clock = SimpleNamespace(**{**vars(time), **functions})
    for module in modules:
        monkeypatch.setattr(module, "time", clock)
