"""How results show themselves in notebooks: HTML in which texts are escaped, pictures as SVG."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from io import StringIO
from itertools import combinations, product
from math import inf
from typing import Any

from pvkdb.display.colours import CURVES, DARK_GREY, GREY, ORANGE, WHITE
from pvkdb.display.figures import new_figure, style
from pvkdb.display.numbers import short_number, shortened
from pvkdb.errors import MissingExtraError

#: Rows of a table; characters of a cell, of a fact, and of the text beside the HTML.
_ROWS, _CELL, _FACT, _PLAIN = 12, 200, 1000, 500
#: Directions right, up and away of the view of a cell: from above, a little from the side.
_VIEW = ((0.955, -0.296, 0.0), (0.059, 0.190, 0.980), (0.290, 0.936, -0.199))
#: Distances up to this multiple of the shortest one are drawn as bonds; radius of an atom, Å.
_BOND, _RADIUS_ANG = 1.2, 0.5
#: What matplotlib would write into each SVG.
_UNSIGNED = dict.fromkeys(("Date", "Creator", "Format", "Type"))


class NotebookView:
    """Mixin of results that show themselves in notebooks: a picture, their facts, their lists.

    ``views.csv`` names the fields that are shown; of other classes all are.
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x: auto">{"".join(self._parts())}</div>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # The whole text of a ranking has a megabyte.
        return {"text/html": self._repr_html_(), "text/plain": shortened(repr(self), _PLAIN)}

    def _picture(self) -> str:
        """Return an SVG, or nothing."""
        return ""

    def _parts(self) -> Iterator[str]:
        """Yield HTML, one part below the other."""
        shown, described = dict(_fields(self)), getattr(type(self), "model_fields", {})
        lists = {name: value for name, value in shown.items() if isinstance(value, list | tuple)}
        inner = {name: value for name, value in shown.items() if isinstance(value, NotebookView)}
        facts = [
            {"field": name, "value": value}
            | {"meaning": getattr(described.get(name), "description", "")}
            for name, value in shown.items()
            if name not in lists | inner and value not in (None, "")
        ]
        yield table(facts, most=len(facts), longest=_FACT)
        yield self._picture()
        for value in inner.values():
            yield from value._parts()
        for name, listed in lists.items():
            yield f"<p><b>{escape(name)}</b></p>" if listed else ""
            words = all(isinstance(each, str) for each in listed)
            yield "".join(f"<p>{escape(text)}</p>" for text in listed) if words else table(listed)


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
    more = f"<p>and {left} more</p>" if left > 0 else ""
    return f"<table>{body}</table>{more}" if kept else ""


def picture(draw: Callable[[Any], None], size: tuple[float, float] = (4.4, 3.0)) -> str:
    """Return what is drawn on axes of a size in inches as SVG; nothing without matplotlib."""
    try:
        with style({"svg.fonttype": "none", "svg.hashsalt": "pvkdb"}):
            figure, axes = new_figure(size)
            draw(axes)
            figure.savefig(file := StringIO(), format="svg", metadata=_UNSIGNED)
    except (MissingExtraError, ModuleNotFoundError):
        return ""
    return file.getvalue()[file.getvalue().index("<svg") :]


def crystal(symbols: Sequence[str], cell_ang: Any, positions_ang: Any) -> str:
    """Return a cell with its atoms as SVG, coloured by element, the shortest distances as bonds."""

    def draw(axes: Any) -> None:
        import numpy as np
        from matplotlib.patches import Circle

        seen = np.array(cell_ang) @ np.array(_VIEW).T
        corners = np.array([*product((0, 1), repeat=3)])
        inside = np.array(positions_ang) @ np.linalg.inv(cell_ang)
        inside -= np.floor(inside + 1e-3)
        found = [  # atoms on a face are drawn on the opposite one, too
            (symbol, (point + corner) @ seen)
            for symbol, point in zip(symbols, inside, strict=True)
            for corner in corners
            if (point + corner < 1.002).all()
        ]
        points, ends = np.array([point for _, point in found]), corners @ seen
        apart = np.linalg.norm(points[:, None] - points, axis=2)
        bonded = (apart > 0.1) & (apart < _BOND * apart[apart > 0.1].min())
        for a, b in combinations(range(8), 2):
            if np.abs(corners[a] - corners[b]).sum() == 1:
                axes.plot(*ends[[a, b], :2].T, color=GREY, lw=0.8, zorder=-ends[:, 2].max())
        for pair in np.argwhere(np.triu(bonded)):
            deep = -points[pair, 2].mean()
            axes.plot(*points[pair, :2].T, color=DARK_GREY, lw=1.5, zorder=deep)
        colours = dict(zip(dict.fromkeys(symbols), (*CURVES, ORANGE, DARK_GREY) * 20, strict=False))
        for symbol, (x, y, depth) in found:
            look = {"facecolor": colours[symbol], "edgecolor": WHITE, "zorder": -depth}
            axes.add_patch(Circle((x, y), _RADIUS_ANG, lw=0.8, **look))
        for symbol, colour in colours.items():
            axes.plot([], [], "o", color=colour, label=symbol)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
        axes.set(aspect="equal")
        axes.set_axis_off()

    return picture(draw, (4.0, 3.4))


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
        yield path.rpartition(".")[2], value


def _cell(value: object, longest: int) -> str:
    if isinstance(value, list | tuple):
        text = "; ".join(str(each) for each in value if isinstance(each, str | int | float))
    elif value is None or isinstance(value, bool):
        text = "" if value is None else "yes" if value else "no"
    else:
        text = short_number(value) if isinstance(value, int | float) else str(value)
    return escape(shortened(text, longest))
