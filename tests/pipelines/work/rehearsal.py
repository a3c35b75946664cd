"""``pvkdb`` with one kind of calculation more, which does nothing but take its time.

    python rehearsal.py work --processes 4

The processes of a pool import the main module of their parent, so that they know the kind too.
Each calculation that is carried out to its end leaves a line in the file that
``PVKDB_REHEARSAL_WITNESS`` names, beside what the store says of it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import CalculationDocument, FailureKind
from pvkdb_pipelines.progress import CalculationProgress
from pvkdb_pipelines.work import tasks

WITNESS = "PVKDB_REHEARSAL_WITNESS"


class Rehearsal(BaseModel):
    """The square of a number, after so many steps of so many seconds."""

    kind: Literal["rehearsal"] = "rehearsal"
    number: int
    steps: int = 1
    step_s: float = 0.0
    fails: bool = False

    def key(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def rehearse(
    document: CalculationDocument, report: Callable[[CalculationProgress], None] | None
) -> tasks.Outcome:
    """Take the time, then give the square and a file."""
    request = Rehearsal.model_validate(document.parameters)
    for step in range(request.steps):
        if report is not None:
            report(CalculationProgress("rehearse", step, None, step / request.steps))
        time.sleep(request.step_s)
    if request.fails:
        error = CalculationFailedError(FailureKind.NO_HOP, "asked to fail")
        error.files["output.txt"] = b"why it failed"
        raise error
    witness = os.environ.get(WITNESS)
    if witness:
        with open(witness, "a", encoding="ascii") as file:
            file.write(f"{request.number}\n")
    files = {"output.txt": f"{request.number}\n".encode()} if request.number % 10 == 0 else {}
    return tasks.Outcome({"square": request.number**2}, {}, lambda *_: [], files)


tasks.KINDS["rehearsal"] = rehearse

if __name__ == "__main__":
    from pvkdb.cli import main

    main()
