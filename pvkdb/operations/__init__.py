"""Operations: each is declared once, and every surface makes its own form from the declaration.

A room declares its operations in ``operations.py``, as :data:`OPERATIONS`. Functions and models are
named as ``module:name`` and loaded where they are used, so that the list of commands needs none of
them. :mod:`pvkdb.cli.operations` makes commands, :mod:`pvkdb_api.rest.operations` routes,
``docs/reference/client_methods.py`` the methods of both clients, :mod:`pvkdb_api.agents` tools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pvkdb.errors import AddedError, InputError, PvkdbError, unknown_name
from pvkdb.operations.other_packages import additions, load

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo
    from sqlalchemy.orm import Session

#: Opens the store to read it; a command opens none if the function does not ask for it.
Reading: TypeAlias = "Callable[[], AbstractContextManager[Session]]"

#: Entry points with which other packages add operations.
GROUP = "pvkdb.operations"
#: Modules of pvkdb that declare operations.
MODULES = (
    *(f"pvkdb.{room}.operations" for room in ("compositions", "kinetics")),
    *(f"pvkdb.{room}.operations" for room in ("crossbar", "simulation", "examination")),
    "pvkdb.operations.calculations",
    "pvkdb.operations.imports",
)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of calculation, which the queue holds and workers compute. Texts as in Operation."""

    #: In the store, and in words.
    name: str
    title: str
    #: Models of what is computed, and of what comes out.
    request: str
    result: str
    #: Gets the request and a function of stage and share done; returns the result. One of
    #: ``pvkdb_pipelines`` gets a ``Report`` and returns a run: result, versions, structures.
    computed: str
    #: The extra of pvkdb without which it is not computed.
    extra: str = "screening"
    #: A worker computes several side by side, which wait for their potentials together.
    potential: bool = False
    #: Belongs to the material of its formula and phase from the beginning.
    of_material: bool = False
    #: Computes nothing and stays beside the store: ``computed`` makes its rows.
    instant: bool = False


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One declaration. Models, functions and printers are texts ``module:name``."""

    #: Its tool, and the end of the id of its route; with dashes, its command.
    name: str
    #: One sentence, and more for who reads on.
    summary: str
    description: str
    #: Where the service has it, below ``/api/v1``; a field of the request in braces is part of it.
    path: str
    #: With POST, the request is the body, as JSON.
    verb: Literal["GET", "POST"] = "GET"
    #: Where the clients have it: ``part.method`` or ``method``; empty: written by hand.
    method: str = ""
    #: Gets the request (if there is one) and a :data:`Reading`; returns the result. If it is
    #: ``queued``, it gets a session and the request, and returns that of the calculation.
    function: str
    request: str | None = None
    queued: Kind | None = None
    #: A model; if ``many``, the function returns a list of them. Without a request, the service
    #: keeps it. Of what is queued, the kind has it.
    result: str = ""
    many: bool = False
    #: Fields of the request of which exactly one must be given.
    one_of: tuple[str, ...] = ()
    #: The extra of pvkdb without which the command does not begin.
    extra: str = ""
    #: It needs this scope of a key; with POST it writes, and its function gets such a session.
    scope: str = ""
    #: Prepares the request before a session opens, within a number of seconds (None: no limit);
    #: the function then gets what it returns.
    prepared: str = ""
    #: The words of an example of the command, and lines of a doctest of ``client``.
    example: str = ""
    python: str = ""
    #: The command, if it is an option of another one: ``crossbar --devices``.
    command: str = ""
    #: Prints the result for people; empty: its command is written by hand (``with_fields`` in
    #: :mod:`pvkdb.cli.operations`), or there is none.
    printed: str = ""
    #: The error in a result, with which the command ends after printing it; None if it has none.
    failure: str | None = None
    #: Draws it to a file: what ``--plot`` then offers.
    plot: tuple[str, str] | None = None
    #: The package that adds it; empty: pvkdb itself.
    package: str = ""

    @property
    def command_name(self) -> str:
        """How the command is called."""
        return self.command or self.name.replace("_", "-")

    @property
    def writes(self) -> bool:
        """Whether it changes the store at once."""
        return bool(self.scope) and self.verb == "POST"

    def request_model(self) -> type[BaseModel] | None:
        """Return the model of the request; None if there is nothing to ask for."""
        return None if self.request is None else load(self.request)

    def prepare(self, request: Any, seconds: float | None = None) -> Any:
        """Return what the function gets for a request. Raises InputError."""
        return load(self.prepared)(request, seconds) if self.prepared else request

    def run(self, request: BaseModel | None, reading: Reading, ways: Sequence[str] = ()) -> Any:
        """Return the result; ``ways`` names ``one_of`` as the surface does that calls.

        Raises:
            InputError: none or several of ``one_of`` are given, or a value cannot be used.
            NotFoundError: the store does not hold what is named.
        """
        self.require_one(request, ways)
        with self.alone():
            call = load(self.function)
            if self.queued is not None:
                with reading() as session:
                    return call(session, request)
            return call(reading) if request is None else call(request, reading)

    def require_one(self, request: BaseModel | None, ways: Sequence[str] = ()) -> None:
        """Refuse a request with none or several of ``one_of``. Raises InputError."""
        given = [name for name in self.one_of if getattr(request, name) is not None]
        if self.one_of and len(given) != 1:
            *others, last = ways or self.one_of
            raise InputError(f"give one of {', '.join(others)} and {last}")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Name the package of an operation in whatever its code raises.

        Raises:
            AddedError: the code of another package is broken.
        """
        try:
            yield
        except Exception as error:  # other packages raise what they want
            if not self.package or isinstance(error, PvkdbError):
                raise
            raise AddedError(self.name, self.package, error) from error


@cache
def shipped() -> Mapping[str, Operation]:
    """Return the operations of pvkdb by their names."""
    found: Iterable[Operation] = (
        operation for name in MODULES for operation in import_module(name).OPERATIONS
    )
    return {operation.name: operation for operation in found}


@cache
def added() -> tuple[Mapping[str, Operation], Sequence[AddedError]]:
    """Return the operations that other packages add by their names, and which cannot be loaded.

    They are the entry points ``pvkdb.operations``, each a sequence of operations.
    """
    return additions(GROUP, shipped())


def declared() -> Mapping[str, Operation]:
    """Return all operations by their names, those of pvkdb first."""
    return {**shipped(), **added()[0]}


def find(name: str) -> Operation:
    """Return an operation by its name.

    Raises:
        InputError: there is none; names the nearest one.
    """
    if (operation := declared().get(name)) is None:
        raise InputError(unknown_name("operation", name, declared()))
    return operation


@cache
def kinds() -> Mapping[str, Kind]:
    """Return all kinds of calculations by their names."""
    alone = (kind for name in MODULES for kind in getattr(import_module(name), "KINDS", ()))
    asked = (each.queued for each in shipped().values() if each.queued is not None)
    return {kind.name: kind for kind in (*asked, *alone)}


def fields_of(request: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a request: its own first, then those that it shares with others."""
    own = [name for name in request.model_fields if name in request.__annotations__]
    return {name: request.model_fields[name] for name in (*own, *request.model_fields)}
