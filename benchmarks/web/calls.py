"""Calls of pvkdb's own functions that answer one request, and in how many files they are.

``python benchmarks/web/calls.py sqlite:///store.sqlite [PATH]``: of three equal requests the third
is counted, when statements and models are made. A coroutine counts again after each wait.
"""

from __future__ import annotations

import argparse
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

from fastapi.testclient import TestClient

from pvkdb_api.app import create_app

ROOT = f"{Path(__file__).parents[2]}/"
DEFAULT = "/api/v1/materials?family=3D&lead_free=true&e_a_max=0.4"


def counted(database: str, path: str) -> Counter[tuple[str, str]]:
    """Return the calls of each function, by file and name."""
    calls: Counter[tuple[str, str]] = Counter()
    counting = False

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if counting and event == "call" and code.co_filename.startswith(ROOT):
            calls[code.co_filename.removeprefix(ROOT), code.co_name] += 1

    threading.setprofile(note)  # the service answers in threads, which begin now
    with TestClient(create_app(database)) as client:
        for counting in (False, False, True):  # noqa: B007
            client.get(path).raise_for_status()
        counting = False
    threading.setprofile(None)
    return calls


def main() -> None:
    """Print the numbers, and the functions that are called most."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("url", help="the store")
    options.add_argument("path", nargs="?", default=DEFAULT)
    given = options.parse_args()
    calls = counted(given.url, given.path)
    print(f"{calls.total()} calls in {len({file for file, _ in calls})} files")
    for (file, name), number in calls.most_common(20):
        print(f"{number:5} {file} {name}")


if __name__ == "__main__":
    main()
