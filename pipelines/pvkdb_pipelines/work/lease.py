"""The lease of a running calculation: heartbeats, progress and cancellation."""

from __future__ import annotations

import signal
import threading
from dataclasses import asdict
from types import FrameType, TracebackType
from typing import NoReturn

from pvkdb.errors import DatabaseError
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue.log import ProgressLine
from pvkdb_pipelines.progress import CalculationProgress

#: Interrupts this process if a cancelled calculation has not reached its next step.
_SIGNAL = signal.SIGUSR1


class StopCalculation(BaseException):
    """Raised when the calculation was cancelled or another worker has taken it over.

    Not an :class:`Exception`, so that libraries that catch exceptions do not swallow it.
    """


class Lease:
    """Renews the lease of a calculation from a thread, within the ``with`` block.

    Each heartbeat writes the progress of the calculation. If the calculation is to stop, its next
    step raises :class:`StopCalculation`. A step that takes longer than another heartbeat is
    interrupted by a signal, if it runs in the main thread.
    """

    def __init__(self, store: Store, calculation_id: str, owner: str, heartbeat_s: float) -> None:
        self._store = store
        self._id = calculation_id
        self._owner = owner
        self._heartbeat_s = heartbeat_s
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._lines: list[ProgressLine] = []
        self._progress: CalculationProgress | None = None
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._main: int | None = None

    def note(self, progress: CalculationProgress) -> None:
        """Keep the progress, which the next heartbeat writes to the store.

        Raises:
            StopCalculation: the calculation is to stop.
        """
        if self._stop.is_set():
            raise StopCalculation
        with self._lock:
            if self._progress is None or self._progress.stage != progress.stage:
                self._lines.append(ProgressLine(utc_now(), progress.stage))
            self._progress = progress

    def unwritten_lines(self) -> list[ProgressLine]:
        """Return the progress lines that no heartbeat has written yet."""
        with self._lock:
            return list(self._lines)

    def __enter__(self) -> Lease:
        if threading.current_thread() is threading.main_thread():
            self._main = threading.get_ident()
            self._before = signal.signal(_SIGNAL, _stop)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        try:
            self._thread.join(timeout=5)
        finally:
            if self._main is not None:
                signal.signal(_SIGNAL, self._before)

    def _renew(self) -> None:
        while not self._ended.wait(self._heartbeat_s):
            if not self._beat():
                break
        else:
            return
        self._stop.set()
        if not self._ended.wait(self._heartbeat_s) and self._main is not None:
            signal.pthread_kill(self._main, _SIGNAL)

    def _beat(self) -> bool:
        with self._lock:
            progress, lines = self._progress, list(self._lines)
        try:
            with self._store.session() as session:
                held = queue.heartbeat(
                    session,
                    self._id,
                    self._owner,
                    None if progress is None else asdict(progress),
                    lines,
                )
        except DatabaseError:
            return True  # the database may be reachable again at the next heartbeat
        if held:
            with self._lock:
                del self._lines[: len(lines)]
        return held


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise StopCalculation
