"""How results show themselves in notebooks: HTML in which texts are escaped, pictures as SVG."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from io import StringIO
from itertools import combinations, cycle, product
from math import inf
from typing import Any

from pvkdb.display.colours import CURVES, DARK_GREY, GREY
from pvkdb.display.figures import new_figure, style
from pvkdb.display.numbers import short_number, shortened
from pvkdb.errors import MissingExtraError

#: Rows of a table; characters of a cell, of a fact, and of the text beside the HTML.
_ROWS, _CELL, _FACT, _PLAIN = 12, 200, 1000, 500
#: Most atoms of a picture; most curves of one, and about the most points of each.
_ATOMS, _CURVES, _POINTS = 500, 20, 1000
#: Directions right and up of the view of a cell, from above and a little from the side.
_VIEW = ((0.955, -0.296, 0.0), (0.059, 0.190, 0.980))


class NotebookView:
    """Mixin of results that show themselves in notebooks, with the fields of ``views.csv``."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x: auto">{"".join(self._parts())}</div>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # The whole text of a ranking has a megabyte.
        return {"text/html": self._repr_html_(), "text/plain": shortened(repr(self), _PLAIN)}

    def _picture(self) -> str:
        """Return an SVG: the cell of a structure; nothing of other results."""
        cell = [getattr(self, name, ()) for name in ("symbols", "cell_ang", "positions_ang")]
        return crystal(*cell) if all(cell) else ""

    def _parts(self) -> Iterator[str]:
        """Yield HTML, one part below the other."""
        facts, parts = list[dict[str, Any]](), [self._picture()]
        described = getattr(type(self), "model_fields", {})
        for name, value in _fields(self):
            if isinstance(value, NotebookView):
                parts += value._parts()
            elif isinstance(value, list | tuple):
                texts = [f"<p>{escape(each)}</p>" for each in value if isinstance(each, str)]
                parts += [f"<p><b>{escape(name)}</b></p>"] * bool(value) + (texts or [table(value)])
            elif value not in (None, ""):
                meaning = getattr(described.get(name), "description", "")
                facts.append({"field": name, "value": value, "meaning": meaning})
        yield from (table(facts, most=len(facts), longest=_FACT), *parts)


def table(
    items: Sequence[Any], total: int | None = None, most: int = _ROWS, longest: int = _CELL
) -> str:
    """Return the first of equal results as a table without empty columns, by rank if they have one.

    ``total`` is their number if fewer are given, ``longest`` the most characters of a cell.
    """
    ordered = sorted(items, key=lambda item: getattr(item, "rank", None) or inf)[:most]
    rows = [{n: _cell(value, longest) for n, value in _fields(item)} for item in ordered]
    kept = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    lines = [("th", [*map(escape, kept)]), *(("td", [row[name] for name in kept]) for row in rows)]
    body = ""
    for tag, cells in lines:
        columns = "".join(f'<{tag} style="text-align: left">{cell}</{tag}>' for cell in cells)
        body += f"<tr>{columns}</tr>"
    left = (len(items) if total is None else total) - len(rows)
    return f"<table>{body}</table>" * bool(kept) + f"<p>and {left} more</p>" * (left > 0)


def plot(curves: Sequence[tuple[Any, Any]], x_label: str, y_label: str, log: bool = False) -> str:
    """Return curves of x and y as SVG, with a mark at each point where there are few.

    Of many curves the first are drawn, of many points some at equal steps.
    """

    def draw(axes: Any) -> None:
        for x, y in curves[:_CURVES]:
            step = max(1, round(len(x) / _POINTS))
            axes.plot(x[::step], y[::step], "o-" if len(x) < 30 else "-", lw=1, ms=4)
        if len(curves) > _CURVES:
            axes.set_title(f"the first {_CURVES} of {len(curves):,} curves")
        axes.set(xlabel=x_label, ylabel=y_label, yscale="log" if log else "linear")

    return _picture(draw)


def crystal(symbols: Sequence[str], cell_ang: Any, positions_ang: Any) -> str:
    """Return a cell as SVG: atoms by element, distances up to 1.2 of the shortest one as bonds.

    Nothing if it has more than 500 atoms or no volume.
    """
    if len(symbols) > _ATOMS:
        return ""

    def draw(axes: Any) -> None:
        import numpy as np

        cell, corners = np.array(cell_ang), np.array([*product((0, 1), repeat=3)])
        inside = np.array(positions_ang) @ np.linalg.inv(cell)
        inside -= np.floor(inside + 1e-3)
        # Atoms on a face are drawn on the opposite one, too.
        pairs = [(n, p + c) for n, p in enumerate(inside) for c in corners if (p + c < 1.002).all()]
        points = np.array([point for _, point in pairs]) @ cell
        seen = points @ np.array(_VIEW).T
        apart = np.linalg.norm(points[:, None] - points, axis=2)
        bonds = np.triu((apart > 0.1) & (apart < 1.2 * apart[apart > 0.1].min(initial=inf)))
        edges = [each for each in combinations(corners, 2) if np.abs(each[0] - each[1]).sum() == 1]
        for line in np.array(edges) @ cell @ np.array(_VIEW).T:
            axes.plot(*line.T, color=GREY, lw=0.8, zorder=0)
        for a, b in np.argwhere(bonds):
            axes.plot(*seen[[a, b]].T, color=DARK_GREY, lw=1.5, zorder=1)
        for symbol, colour in zip(dict.fromkeys(symbols), cycle(CURVES), strict=False):
            own = seen[[symbols[n] == symbol for n, _ in pairs]]
            axes.scatter(*own.T, color=colour, s=110, edgecolors="white", label=symbol)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
        axes.set(aspect="equal", frame_on=False, xticks=[], yticks=[])

    return _picture(draw)


def _picture(draw: Callable[[Any], None]) -> str:
    """Return what is drawn on new axes as SVG; nothing without matplotlib or a cell's volume."""
    from numpy.linalg import LinAlgError

    try:
        with style({"svg.fonttype": "none", "svg.hashsalt": "pvkdb"}):
            figure, axes = new_figure((4.2, 3.0))
            draw(axes)
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            figure.savefig(file := StringIO(), format="svg", metadata=nothing)
    except (MissingExtraError, LinAlgError):
        return ""
    return file.getvalue()[file.getvalue().index("<svg") :]


@cache
def views() -> dict[str, list[str]]:
    """Return the fields of results that are shown, also as a row of a table, by their class."""
    text = (files("pvkdb.display") / "views.csv").read_text(encoding="utf-8")
    return {row["class"]: row["fields"].split() for row in csv.DictReader(text.splitlines())}


def _fields(item: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each field that is shown, also of a part: ``hop.length_ang``."""
    every = getattr(type(item), "model_fields", getattr(item, "__dataclass_fields__", item))
    named = (each.__name__ for each in type(item).__mro__)
    for path in next((views()[name] for name in named if name in views()), every):
        value: Any = item
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
            value = value() if callable(value) else value
        yield path.rpartition(".")[2], value


def _cell(value: object, longest: int) -> str:
    if isinstance(value, Mapping):
        value = [f"{name} {each}" for name, each in value.items()]
    if isinstance(value, list | tuple):
        text = "; ".join(str(each) for each in value if isinstance(each, str | int | float))
    elif value is None or isinstance(value, bool):
        text = "" if value is None else "yes" if value else "no"
    else:
        text = short_number(value) if isinstance(value, int | float) else str(value)
    return escape(shortened(text, longest))
