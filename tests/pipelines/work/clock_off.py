"""A worker of another machine whose clock is wrong by so many minutes.

    python clock_off.py -10

It computes every rehearsal of the store that ``PVKDB_DATABASE_URL`` names.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta

from pvkdb.store import base

_now = base.utc_now
base.utc_now = lambda: _now() + timedelta(minutes=float(sys.argv[1]))

# Whatever is imported from here on reads the wrong clock.
import rehearsal  # noqa: E402

from pvkdb.store.database import Store  # noqa: E402
from pvkdb_pipelines import ownership  # noqa: E402
from pvkdb_pipelines.work.worker import Worker  # noqa: E402

if __name__ == "__main__":
    assert rehearsal.rehearse
    ownership._machine = lambda: "elsewhere"
    worker = Worker(Store(os.environ["PVKDB_DATABASE_URL"]))
    while worker.run() is not None:
        pass
