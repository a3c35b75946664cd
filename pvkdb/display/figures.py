"""Pictures drawn with matplotlib without a window: the style, new figures, saving to a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from pvkdb._extras import needing
from pvkdb.errors import InputError, writing

ENDINGS = (".png", ".svg")
#: The style of matplotlib is one for all threads.
_DRAWING = RLock()


def check_ending(path: Path) -> None:
    """Refuse a picture file that is neither PNG nor SVG.

    Raises:
        InputError: the ending is another.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path.name!r} is neither .png nor .svg; choose one of these endings")


@contextmanager
def style(settings: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Apply the style of pvkdb's pictures within a block, with further matplotlib settings.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with needing("plot"):
        from matplotlib import rc_context
    common = {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
    with _DRAWING, rc_context({**common, **(settings or {})}):
        yield


def new_figure(size: tuple[float, float], columns: int = 1, **settings: Any) -> tuple[Any, Any]:
    """Return a figure of a size in inches and its axes, one for each column.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with needing("plot"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns, **settings)


def save(figure: Any, path: Path, dpi: int = 150) -> Path:
    """Write a figure to a file; equal figures give equal bytes.

    A missing folder is made, and no date is written.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib import rc_context

    metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
    with writing(path), rc_context({"svg.hashsalt": "pvkdb"}):
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=dpi, metadata=metadata)
    return path
