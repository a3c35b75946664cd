"""All errors that pvkdb raises on purpose, in one tree.

Each message names the value that was refused, the reason and the remedy::

    PvkdbError
    ├── InputError                the input cannot be used
    │   ├── FormulaError          a chemical formula that cannot be understood or balanced
    │   ├── MissingRadiusError    no sourced radius for an ion in this coordination
    │   ├── ParameterError        the value of one named parameter
    │   ├── StateError            the operation does not fit the present state
    │   └── UnstorableError       a value that the database refuses
    ├── NotFoundError             a key that the store or the service does not hold
    ├── DatabaseError             the store cannot be reached or used as it is
    │   ├── NotMigratedError      the store lacks the tables of this version
    │   ├── ReadOnlyStoreError    the store may only be read
    │   └── StoreAwayError        the connection broke; the store may be back in a moment
    │       └── StoreBusyError    another transaction held a lock for too long
    ├── AccessError               the caller may not do this
    ├── CalculationFailedError    a calculation ended in a typed failure
    ├── ServiceError              the service refused or could not be reached (client side)
    ├── MissingExtraError         an optional dependency is not installed
    ├── AddedError       an operation that another package adds is broken
    ├── EngineError               the engine cannot run calculations as it is configured
    └── InterruptedByUserError    Ctrl-C

``exit_code`` is what the command line returns when the error reaches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

__all__ = [
    "AccessError",
    "AddedError",
    "CalculationFailedError",
    "DatabaseError",
    "EngineError",
    "FormulaError",
    "InputError",
    "InterruptedByUserError",
    "MissingExtraError",
    "MissingRadiusError",
    "NotFoundError",
    "NotMigratedError",
    "ParameterError",
    "PvkdbError",
    "ReadOnlyStoreError",
    "ServiceError",
    "StateError",
    "StoreAwayError",
    "StoreBusyError",
    "UnstorableError",
]


class PvkdbError(Exception):
    """Root of every error that pvkdb raises on purpose."""

    exit_code = 1


class InputError(PvkdbError):
    """Input that cannot be used."""

    exit_code = 2


class FormulaError(InputError):
    """A chemical formula that cannot be understood, is not a halide, or does not balance."""


class MissingRadiusError(InputError):
    """No radius with a source is known for an ion in the requested coordination."""


class StateError(InputError):
    """The operation is not possible in the present state, e.g. of a calculation or a run."""


class ParameterError(InputError):
    """The value of one named parameter of a request cannot be used."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@contextmanager
def naming(parameter: str) -> Iterator[None]:
    """Turn each input error raised inside into a :class:`ParameterError` of this parameter."""
    try:
        yield
    except InputError as error:
        raise ParameterError(parameter, str(error)) from error


class UnstorableError(InputError):
    """A value that the database refuses: a NUL, a number out of range, a row that fits no other."""


class NotFoundError(PvkdbError):
    """A key that the store or the service does not hold."""

    exit_code = 3


class DatabaseError(PvkdbError):
    """The database cannot be reached, or cannot be used in its present condition."""

    exit_code = 4


class NotMigratedError(DatabaseError):
    """The store lacks the tables of this version of pvkdb."""


class ReadOnlyStoreError(DatabaseError):
    """The store may only be read: a replica, or a file without the right to write it."""


class StoreAwayError(DatabaseError):
    """The connection broke, or another session held a lock; trying again may succeed."""


class StoreBusyError(StoreAwayError):
    """Another transaction held a lock for longer than this one may wait."""


class AccessError(PvkdbError):
    """The caller may not do this: the key is missing, not valid or lacks the scope."""

    exit_code = 9


class CalculationFailedError(PvkdbError):
    """A calculation ended in a typed failure, which the store keeps.

    ``kind`` is a value of :class:`pvkdb.schemas.calculations.FailureKind`; ``files`` are
    log files and outputs by name, kept with the record.
    """

    exit_code = 5

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.files: dict[str, bytes] = {}


class ServiceError(PvkdbError):
    """The service refused a request or could not be reached.

    ``status`` is the HTTP status, or None if there was no answer.
    """

    exit_code = 6

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class MissingExtraError(PvkdbError):
    """Packages of an extra, separated by commas, are not installed."""

    exit_code = 7

    def __init__(self, packages: str, extra: str) -> None:
        self._given = packages, extra
        one = "," not in packages
        super().__init__(
            f"{packages!r} {'is' if one else 'are'} not installed; install "
            f"{'it' if one else 'them'} with: pip install 'pvkdb[{extra}]'"
        )

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), self._given  # another process raises it, too


class AddedError(PvkdbError):
    """An operation or a table that another package adds is broken; the others are not."""

    exit_code = 10

    def __init__(self, name: str, package: str, error: Exception) -> None:
        super().__init__(
            f"{name} of the package {package} is broken ({type(error).__name__}: {error}); repair "
            "it, or uninstall the package"
        )


class EngineError(PvkdbError):
    """The engine cannot run calculations: no scheduler, no workers, or no block long enough.

    What was not computed stays in the queue.
    """

    exit_code = 8


class InterruptedByUserError(PvkdbError):
    """The user stopped the command with Ctrl-C."""

    exit_code = 130


@contextmanager
def writing(what: object) -> Iterator[None]:
    """Turn an OSError of the block into an InputError: ``what`` cannot be written."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{what} cannot be written: {error.strerror or error}") from error


#: Most known names that are all listed.
_LISTED = 20


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """Return the message for an unknown name: the nearest known name, then all, or the nearest."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = "known"
    if len(names) > _LISTED:
        listed = f"nearest of {len(names):,}"
        names = get_close_matches(name, names, n=10, cutoff=0.0)
    return f"there is no {what} {name!r}; {hint}{listed}: {', '.join(names)}"
