"""Where DFT runs: the command, the folder of pseudopotentials, scratch space, and how long.

None of it decides a number, so none of it is part of a request: the same calculation may run here
in one process and on a cluster in sixty-four. The environment says it, which a batch script sets.
"""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind

#: Where Debian's packages of Quantum ESPRESSO put pseudopotentials.
DEBIAN_PSEUDO_DIR = Path("/usr/share/espresso/pseudo")


@dataclass(frozen=True, slots=True)
class Place:
    """A place to run.

    Attributes:
        pw_command: ``pw.x`` with whatever starts it in parallel.
        pseudo_dir: Folder of the pseudopotential files.
        scratch: Folder for temporary files; None for the system's.
        max_seconds: Wall time that a calculation may take; None for any.
        grace_s: A program that was told to end is killed after this.
    """

    pw_command: tuple[str, ...] = ("pw.x",)
    pseudo_dir: Path = DEBIAN_PSEUDO_DIR
    scratch: Path | None = None
    max_seconds: float | None = None
    grace_s: float = 60.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Place:
        """The place that ``PVKDB_PW_COMMAND``, ``PVKDB_PSEUDO_DIR``, ``PVKDB_DFT_SCRATCH`` and
        ``PVKDB_DFT_MAX_SECONDS`` describe.

        Raises:
            InputError: one of them makes no sense.
        """
        said = os.environ if environment is None else environment
        command = tuple(shlex.split(said.get("PVKDB_PW_COMMAND", "pw.x")))
        if not command:
            raise InputError("PVKDB_PW_COMMAND is empty; write e.g. 'mpirun -np 4 pw.x'")
        limit = said.get("PVKDB_DFT_MAX_SECONDS")
        try:
            max_seconds = None if limit is None else float(limit)
        except ValueError:
            max_seconds = -1.0
        if max_seconds is not None and not 0 < max_seconds < float("inf"):
            raise InputError(f"PVKDB_DFT_MAX_SECONDS = {limit!r} is no number of seconds above 0")
        scratch = said.get("PVKDB_DFT_SCRATCH")
        return cls(
            pw_command=command,
            pseudo_dir=Path(said.get("PVKDB_PSEUDO_DIR") or DEBIAN_PSEUDO_DIR),
            scratch=Path(scratch) if scratch else None,
            max_seconds=max_seconds,
        )

    def require_program(self) -> None:
        """See that the program is there.

        Raises:
            CalculationFailedError: it is not (``PROGRAM_NOT_FOUND``).
        """
        program = self.pw_command[0]
        if shutil.which(program) is None:
            raise CalculationFailedError(
                FailureKind.PROGRAM_NOT_FOUND,
                f"there is no program {program!r} on the PATH; install Quantum ESPRESSO (Debian: "
                "quantum-espresso), or name the command in PVKDB_PW_COMMAND",
            )


class Deadline:
    """When the time of a calculation is over."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def left_s(self) -> float | None:
        """Seconds left, not below 0; None without a limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())
