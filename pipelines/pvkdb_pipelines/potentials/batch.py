"""Calculations side by side: when all of them wait for forces, one batch evaluates all.

A GPU evaluates a hundred small cells in about the time of one, but an optimizer of ASE moves one
structure. Each calculation therefore runs in a thread, unchanged, and stops where it needs a
potential. Only one thread runs at a time, so that the order of all steps is always the same and no
library must be safe for threads.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from ase import Atoms

#: Energy (eV), forces (eV/Å, shape (atoms, 3)) and stress (eV/Å³, Voigt, shape (6,)).
Properties: TypeAlias = dict[str, Any]
#: Properties of several structures at once, in their order; stress only if requested.
Evaluate: TypeAlias = Callable[[Sequence[Atoms], bool], list[Properties]]
ResultT = TypeVar("ResultT")

_of_thread = threading.local()


def evaluate(model: Evaluate, structures: Sequence[Atoms], stress: bool) -> list[Properties]:
    """Return what a model finds, in one batch with the other calculations of :class:`Batch`."""
    member: _Member[Any] | None = getattr(_of_thread, "member", None)
    return member.evaluate(model, structures, stress) if member else model(structures, stress)


def cpu_seconds() -> float:
    """Return the processor time of this calculation, with its share of batches, from any zero."""
    member: _Member[Any] | None = getattr(_of_thread, "member", None)
    return member.cpu_seconds() if member else time.process_time()


class Batch(Generic[ResultT]):
    """Runs calculations side by side, and evaluates their structures together."""

    def __init__(self, most_atoms: int) -> None:
        """``most_atoms`` is the largest number of atoms in one batch, except for one structure."""
        self._most_atoms = most_atoms
        self._members: list[_Member[ResultT]] = []

    def __len__(self) -> int:
        """Return the number of calculations that are running."""
        return len(self._members)

    def run(self, take: Callable[[], Callable[[], ResultT] | None]) -> Generator[ResultT]:
        """Yield what each calculation returns, as soon as it ends; the next takes its place.

        When this generator is closed or interrupted, each running calculation gets a
        KeyboardInterrupt.

        Args:
            take: Returns the next calculation; None: there is none until one has ended.

        Raises:
            BaseException: The first error that a calculation raises; it interrupts the others.
        """
        # Filters are of the process: each calculation would restore those of another.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="logm result may be inaccurate")
            try:
                more = True
                while True:
                    while more and self._waiting_atoms() < self._most_atoms:
                        calculation = take()
                        more = calculation is not None
                        if calculation is not None:
                            self._members.append(_Member(calculation))
                            yield from self._resume(self._members[-1])
                    if not self._members:
                        return
                    self._evaluate()
                    for member in list(self._members):
                        for result in self._resume(member):
                            more = True
                            yield result
            finally:
                for member in self._members:
                    member.interrupt()

    def _waiting_atoms(self) -> int:
        return sum(len(atoms) for member in self._members for atoms in member.structures)

    def _resume(self, member: _Member[ResultT]) -> Iterator[ResultT]:
        """Let a calculation run until it needs forces; yield its result if it has ended."""
        member.resume()
        if member.ended:
            self._members.remove(member)
            if member.error is not None:
                raise member.error
            yield member.result

    def _evaluate(self) -> None:
        groups: dict[tuple[int, bool], list[tuple[_Member[ResultT], Atoms]]] = {}
        for member in self._members:
            group = groups.setdefault((id(member.model), member.stress), [])
            group += [(member, structure) for structure in member.structures]
        for group in filter(None, groups.values()):
            part, atoms = group[:1], len(group[0][1])
            for member, structure in group[1:]:
                if atoms + len(structure) > self._most_atoms:
                    _evaluate_part(part)
                    part, atoms = [], 0
                part.append((member, structure))
                atoms += len(structure)
            _evaluate_part(part)


class _Member(Generic[ResultT]):
    """A calculation in a thread, which waits whenever it needs forces."""

    def __init__(self, calculation: Callable[[], ResultT]) -> None:
        self.structures: Sequence[Atoms] = ()  # for which it waits
        self.error: BaseException | None = None
        self.seconds = 0.0  # of the processor, up to its last stop
        self.ended = self._interrupted = False
        self._calculation = calculation
        self._may_run, self._waits = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="calculation", daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Let it run until it waits again or ends."""
        self._resumed_at = time.process_time()
        self._waits.clear()
        self._may_run.set()
        self._waits.wait()
        self.seconds += time.process_time() - self._resumed_at

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt where it needs forces, and wait for its end."""
        self._interrupted = True
        self._may_run.set()
        self._thread.join()

    def evaluate(
        self, model: Evaluate, structures: Sequence[Atoms], stress: bool
    ) -> list[Properties]:
        """Wait for the properties of structures; called in the thread."""
        self.model, self.structures, self.stress = model, structures, stress
        self.found: list[Properties] = []
        self._may_run.clear()
        self._waits.set()
        if not self._interrupted:
            self._may_run.wait()
        if self._interrupted:
            raise KeyboardInterrupt
        self.structures, error, self.error = (), self.error, None
        if error is not None:
            raise error
        return self.found

    def cpu_seconds(self) -> float:
        """Return the processor time until now; called in the thread."""
        return self.seconds + time.process_time() - self._resumed_at

    def _run(self) -> None:
        _of_thread.member = self
        self._may_run.wait()
        try:
            self.result = self._calculation()
        except BaseException as error:  # the thread of the batch raises it again
            self.error = error
        self.structures, self.ended = (), True
        self._waits.set()


def _evaluate_part(part: Sequence[tuple[_Member[ResultT], Atoms]]) -> None:
    """Evaluate structures in one batch; if that fails, in halves, to find the one that fails."""
    first, started = part[0][0], time.process_time()
    try:
        found = first.model([structure for _, structure in part], first.stress)
        pairs = list(zip(part, found, strict=True))
    except Exception as error:  # of any potential; or the memory of the GPU is too small
        if len(part) > 1:
            _evaluate_part(part[: len(part) // 2])
            _evaluate_part(part[len(part) // 2 :])
        else:
            first.error = first.error or error
        return
    per_atom = (time.process_time() - started) / sum(len(structure) for _, structure in part)
    for (member, structure), properties in pairs:
        member.found.append(properties)
        member.seconds += per_atom * len(structure)
