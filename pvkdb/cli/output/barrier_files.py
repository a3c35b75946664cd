"""Files of migration barriers: pictures and paths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pvkdb.cli.output.barrier_tables import literature_range, results_of
from pvkdb.cli.output.console import print_message, write_file
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.store.database import Store

_PICTURES = (".png", ".svg")


def checked_path(option: str, text: str, endings: tuple[str, ...] = _PICTURES) -> Path:
    """Return the path of a file, checked to be writable before hours of computing.

    Raises:
        InputError: the ending is wrong, the folder does not exist, or the file is not writable.
    """
    path = Path(text)
    if path.suffix not in endings:
        raise InputError(f"{option} {text!r} must end in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise InputError(f"{option} {text!r}: the folder {path.parent} does not exist")
    existed = path.exists()
    try:
        path.open("ab").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise InputError(f"{option} {path} cannot be written: {error.strerror}") from error
    return path


def plot_documents(path: Path, store: Store, documents: list[CalculationDocument]) -> None:
    """Draw the energy profiles of one material by all potentials, and the literature values."""
    from pvkdb_pipelines.migration.plots.energy_profile import plot_profiles

    profiles = {
        str(document.parameters["potential"]): result for document, result in results_of(documents)
    }
    first = documents[0].parameters
    reported = literature_range(store, first["formula"], first["defect"])
    _draw(path, lambda: plot_profiles(profiles, path, reported))


def draw_graph(path: Path, store: Store, document: CalculationDocument) -> None:
    """Draw the migration graph of a calculation."""
    from pvkdb_pipelines.migration.plots.pictures import plot_graph
    from pvkdb_pipelines.migration.result.stored import stored_host

    ((_, result),) = results_of([document])
    with store.session(read_only=True) as session:
        host = stored_host(session, document.id)
    _draw(path, lambda: plot_graph(result, host, path))


def draw_path(path: Path, store: Store, document: CalculationDocument, hop: int | None) -> None:
    """Draw the structures along a hop; default: the limiting hop."""
    from pvkdb_pipelines.migration.plots.pictures import plot_path
    from pvkdb_pipelines.migration.result.stored import stored_path

    ((_, result),) = results_of([document])
    number = result.hops.index(result.limiting) + 1 if hop is None else hop
    with store.session(read_only=True) as session:
        images = stored_path(session, document.id, number)
    barrier = result.hops[number - 1]
    _draw(path, lambda: plot_path(result, barrier, images, path))


def write_path(path: Path, store: Store, document: CalculationDocument, hop: int | None) -> None:
    """Write the images of a hop, or of every hop, as extended XYZ."""
    from pvkdb_pipelines.migration.result.stored import path_text

    ((_, result),) = results_of([document])
    with store.session(read_only=True) as session:
        text = path_text(session, document, result, hop)
    write_file(path, text)


def _draw(path: Path, draw: Callable[[], object]) -> None:
    try:
        draw()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    print_message(f"wrote {path}")
