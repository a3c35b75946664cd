"""Options shared by several commands, and opening the stores and engines that they name."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from pvkdb.cli.output.console import print_message
from pvkdb.errors import DatabaseError, InputError, NotMigratedError, unknown_name

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pvkdb.computed import ComputedReport
    from pvkdb.literature import LoadReport
    from pvkdb.store.database import Store
    from pvkdb_pipelines.engines import CalculationEngine

DEFAULT_DATABASE = "sqlite:///pvkdb.sqlite"
DEFAULT_ENGINE = "local"
#: Environment variables with the device of the potentials and the number of atoms in a batch.
DEVICE, BATCH_ATOMS, DEFAULT_DEVICE = "PVKDB_DEVICE", "PVKDB_BATCH_ATOMS", "cpu"
#: Potentials that are compared by default, the more accurate one last.
COMPARED_POTENTIALS = ("chgnet", "sevennet-l3i5")
#: What a command has opened; it is closed when the command ends.
OPENED = ExitStack()
#: Set to 1, it leaves the shipped computed results out of every store that is created.
WITHOUT_COMPUTED = "PVKDB_WITHOUT_COMPUTED"

DatabaseOption = Annotated[
    str,
    Option(
        "--database",
        envvar="PVKDB_DATABASE_URL",
        metavar="URL",
        help="sqlite:///FILE or postgresql://USER@HOST/NAME.",
    ),
]
JsonOption = Annotated[bool, Option("--json", help="Print JSON on standard output.")]
OutputOption = Annotated[
    Path | None, Option("--output", "-o", help="File; default: standard output.")
]
EngineOption = Annotated[str, Option("--engine", help="local (this machine) or parsl (cluster).")]
ConfigOption = Annotated[
    Path | None, Option("--config", metavar="FILE", help="Cluster file, for parsl.")
]
ProcessesOption = Annotated[
    int | None, Option("--processes", min=1, help="Processes; default: one per core, or batch.")
]


def _use_device(device: str) -> str:
    """Check the device before anything is queued; the processes that compute read it from there."""
    if device != "cpu":
        from pvkdb_pipelines.potentials.loading import chosen_device

        chosen_device(device)
    os.environ[DEVICE] = device
    return device


DeviceOption = Annotated[
    str,
    Option(
        "--device", envvar=DEVICE, callback=_use_device, help="Where potentials run: cpu or cuda."
    ),
]


def _use_batches(atoms: int | None) -> int | None:
    """Pass the size of batches on to the processes that compute."""
    if atoms is not None:
        os.environ[BATCH_ATOMS] = str(atoms)
    return atoms


_BATCH_HELP = "Atoms evaluated in one batch; default: 2000 on cuda, 0 (no batches) on cpu."
BatchAtomsOption = Annotated[
    int | None, Option(min=0, envvar=BATCH_ATOMS, callback=_use_batches, help=_BATCH_HELP)
]
RetryOption = Annotated[bool, Option("--retry", help="Compute failed calculations again.")]
WithoutComputedOption = Annotated[
    bool,
    Option(
        "--without-computed",
        envvar=WITHOUT_COMPUTED,
        help="Leave out the computed results that come with pvkdb.",
    ),
]


def open_store(url: str, *, create: bool = False, keep: bool = True) -> Store:
    """Open the store at a URL and check its schema.

    Args:
        url: URL of the database.
        create: create an SQLite file that does not exist, as :func:`load` fills it.
        keep: False: create it in a temporary folder instead, for a dry run.

    Raises:
        DatabaseError: the database cannot be reached or created.
        NotMigratedError: its tables are missing or old.
    """
    store = store_at(url)
    path = store.sqlite_path
    if path is None or path.exists():
        return store.require_migrated()
    if not create:
        raise NotMigratedError(
            f"{store.name} does not exist; check --database, or create it with: pvkdb init"
        )
    return _create_file(store, path) if keep else _temporary_store()


def store_at(url: str) -> Store:
    """Return the store at a URL, whatever its tables; it is closed when the command ends."""
    from pvkdb.store.database import Store

    store = Store(url)
    OPENED.callback(store.close)
    return store


def load(store: Store, *, computed: bool | None = None) -> tuple[LoadReport, ComputedReport | None]:
    """Create or upgrade the tables of a store, and load the literature and computed results.

    Each step is announced on standard error. ``computed`` is whether to load computed results; by
    default unless PVKDB_WITHOUT_COMPUTED is set.
    """
    from pvkdb.literature import load_literature
    from pvkdb.store.migrate import upgrade

    if computed is None:
        computed = os.environ.get(WITHOUT_COMPUTED, "").lower() not in ("1", "true", "yes", "on")
    _, schema = upgrade(store)
    print_message(f"the tables of schema {schema} are ready; loading the literature")
    with store.session() as session:
        loaded = load_literature(session), load_release(session) if computed else None
    store.close()  # SQLite then leaves one file, which can be copied
    return loaded


def load_release(session: Session) -> ComputedReport:
    """Load the computed results that come with pvkdb, and announce it on standard error."""
    from pvkdb.computed import load_computed

    print_message("loading the computed results; this takes some seconds")
    return load_computed(session)


def _create_file(store: Store, path: Path) -> Store:
    """Create an SQLite store under another name first, so that it appears complete."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    new = store_at(f"sqlite:///{draft}")
    try:
        report, computed = load(new)
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return store.require_migrated()  # another process has just created it
        except OSError:  # a file system without hard links
            draft.rename(path)
    except DatabaseError as error:
        raise DatabaseError(str(error).replace(draft.name, path.name)) from error
    finally:
        for left in path.parent.glob(f"{draft.name}*"):
            with suppress(OSError):
                left.unlink()
    what = "the curated literature" + (" and computed results" if computed else "")
    version = (computed or report).dataset_version
    print_message(f"created {store.name} with {what} (dataset {version})")
    return store


def _temporary_store() -> Store:
    import tempfile

    folder = OPENED.enter_context(tempfile.TemporaryDirectory())
    store = store_at(f"sqlite:///{folder}/pvkdb.sqlite")
    load(store)
    return store


def open_engine(
    name: str,
    config: Path | None,
    processes: int | None,
    *,
    grace_s: float | None = None,
    pin: bool = True,
) -> closing[CalculationEngine]:
    """Make the engine of a name, as :func:`make_engine`; it closes at the end of the block."""
    from pvkdb_pipelines.engines import make_engine

    return closing(make_engine(name, config, processes, print_message, grace_s=grace_s, pin=pin))


def named_values(texts: Sequence[str]) -> dict[str, float]:
    """Return numbers by name from the texts ``NAME=VALUE`` of ``--set``. Raises InputError."""
    values = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            values[name] = float(number)
        except ValueError:
            raise InputError(f"--set {text!r}: write NAME=VALUE, e.g. r_on=1e4") from None
    return values


def filters_given(what: str, conditions: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return the texts of filters written as ``cited_by=devices``, by their names.

    Raises:
        InputError: a filter is not known, or two are in one text.
    """
    found = {}
    for condition in conditions:
        name, equals, text = condition.partition("=")
        if name not in known or not equals:
            raise InputError(unknown_name(what, name, known))
        for second in re.findall(r",\s*(\w+)=", text):
            if second in known:
                raise InputError(
                    f"{condition!r} holds several filters; give each its own option: "
                    f"--where {name}=… --where {second}=…"
                )
        found[name] = text
    return found
