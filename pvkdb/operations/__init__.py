"""Operations: each is declared once, and every surface makes its own form from the declaration.

A room declares its operations in ``operations.py``, as :data:`OPERATIONS`. Functions and models are
named as ``module:name`` and loaded where they are used, so that the list of commands needs none of
them. :mod:`pvkdb.cli.operations` makes commands, :mod:`pvkdb_api.rest.operations` routes,
``docs/reference/client_methods.py`` the methods of both clients, :mod:`pvkdb_api.agents` tools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo
    from sqlalchemy.orm import Session

#: Opens the store to read it; a command opens none if the function does not ask for it.
Reading: TypeAlias = "Callable[[], AbstractContextManager[Session]]"

#: Modules that declare operations.
MODULES = (
    *("pvkdb.kinetics.operations", "pvkdb.crossbar.operations", "pvkdb.simulation.operations"),
    *("pvkdb.examination.operations", "pvkdb.operations.calculations"),
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
    #: Where the service has it, below ``/api/v1``, and the clients: ``part.method``; empty if they
    #: have it by hand.
    path: str
    method: str
    #: Gets the request (if there is one) and a :data:`Reading`; returns the result. If it is
    #: ``queued``, it gets a session and the request, and returns that of the calculation.
    function: str
    request: str | None = None
    queued: Kind | None = None
    #: A model; if ``many``, the function returns a list of them, which the service keeps. Of what
    #: is queued, the kind has it.
    result: str = ""
    many: bool = False
    #: Fields of the request of which exactly one must be given.
    one_of: tuple[str, ...] = ()
    #: The words of an example of the command, and lines of a doctest of ``client``.
    example: str = ""
    python: str = ""
    #: The command, if it is an option of another one: ``crossbar --devices``.
    command: str = ""
    #: Prints the result for people, and draws it to a file: what ``--plot`` then offers. Empty: its
    #: command is written by hand (``with_fields`` in :mod:`pvkdb.cli.operations`).
    printed: str = ""
    plot: tuple[str, str] | None = None

    @property
    def command_name(self) -> str:
        """How the command is called."""
        return self.command or self.name.replace("_", "-")

    def request_model(self) -> type[BaseModel] | None:
        """Return the model of the request; None if there is nothing to ask for."""
        return None if self.request is None else load(self.request)

    def run(self, request: BaseModel | None, reading: Reading, ways: Sequence[str] = ()) -> Any:
        """Return the result; ``ways`` names ``one_of`` as the surface does that calls.

        Raises:
            InputError: none or several of ``one_of`` are given, or a value cannot be used.
            NotFoundError: the store does not hold what is named.
        """
        given = [name for name in self.one_of if getattr(request, name) is not None]
        if self.one_of and len(given) != 1:
            *others, last = ways or self.one_of
            raise InputError(f"give one of {', '.join(others)} and {last}")
        call = load(self.function)
        if self.queued is not None:
            with reading() as session:
                return call(session, request)
        return call(reading) if request is None else call(request, reading)


@cache
def declared() -> Mapping[str, Operation]:
    """Return all operations by their names."""
    found: Iterable[Operation] = (
        operation for name in MODULES for operation in import_module(name).OPERATIONS
    )
    return {operation.name: operation for operation in found}


@cache
def kinds() -> Mapping[str, Kind]:
    """Return all kinds of calculations by their names."""
    alone = (kind for name in MODULES for kind in getattr(import_module(name), "KINDS", ()))
    asked = (each.queued for each in declared().values() if each.queued is not None)
    return {kind.name: kind for kind in (*asked, *alone)}


def load(text: str) -> Any:
    """Return what ``module:name`` names."""
    module, _, name = text.partition(":")
    return getattr(import_module(module), name)


def fields_of(request: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a request: its own first, then those that it shares with others."""
    own = [name for name in request.model_fields if name in request.__annotations__]
    return {name: request.model_fields[name] for name in (*own, *request.model_fields)}
