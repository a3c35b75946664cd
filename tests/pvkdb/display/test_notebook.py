from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, fields
from types import FunctionType
from unittest.mock import Mock
from xml.etree import ElementTree

import pytest
from pydantic import BaseModel, Field

from pvkdb.chemistry import parse_composition
from pvkdb.display.notebook import NotebookView, crystal, plot, table, views

#: Where the classes of the views are.
MODULES = (
    *(f"pvkdb.schemas.{name}" for name in ("profiles", "rankings", "runs", "screening")),
    *(f"pvkdb.schemas.calculations{name}" for name in ("", ".migration", ".relaxations")),
    "pvkdb.schemas.tables",
    *(f"pvkdb.measurements.{name}" for name in ("conduction", "measuring", "switching")),
    "pvkdb.simulation.compact",
    "pvkdb_pipelines.migration.compute",
)
#: Classes whose modules load numba, scipy or torch.
HEAVY = ("CompactModel", "Conduction", "MigrationRun", "Report", "SwitchingStep")
HOSTILE = "<script>alert('x')</script> & \"more\""


class Part(BaseModel):
    name: str
    value: float | None = None
    empty: str | None = None


class Made(BaseModel, NotebookView):
    title: str = Field(description=f"What it is: {HOSTILE}")
    notes: list[str] = []
    parts: list[Part] = []
    inner: Inner | None = None


@dataclass(frozen=True, slots=True)
class Inner(NotebookView):
    text: str


def read(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html)


def test_every_text_is_escaped_wherever_it_is() -> None:
    made = Made(title=HOSTILE, notes=[HOSTILE], parts=[Part(name=HOSTILE)], inner=Inner(HOSTILE))
    html = made._repr_html_()
    assert "<script" not in html
    shown = ["".join(each.itertext()) for each in read(html).iter() if each.tag in ("td", "p")]
    assert shown.count(HOSTILE) == 4  # fact, fact of the inner one, note, row
    assert f"What it is: {HOSTILE}" in shown


def test_a_table_has_the_first_rows_and_says_how_many_are_left() -> None:
    html = table([Part(name=f"p{n}", value=n / 7) for n in range(30)])
    assert [each.text for each in read(f"<a>{html}</a>").iter("th")] == ["name", "value"]
    assert html.count("<tr>") == 13
    assert "and 18 more" in html
    assert "0.1429" in html
    assert table([]) == ""
    assert "filter 14" in table([{"fell": {"filter": 14}}])


def test_the_text_beside_the_html_is_short() -> None:
    bundle = Made(title="a" * 10_000)._repr_mimebundle_()
    assert len(bundle["text/plain"]) == 500
    assert "a" * 900 in bundle["text/html"]


def test_a_cell_is_drawn_with_the_atoms_on_all_its_faces() -> None:
    symbols = ("Cs", "Pb", "Br", "Br", "Br")
    half = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    cube = [[5.87, 0, 0], [0, 5.87, 0], [0, 0, 5.87]]
    svg = crystal(symbols, cube, [[5.87 * x for x in row] for row in half])
    placed = list(read(svg).iter("{http://www.w3.org/2000/svg}use"))
    assert len(placed) == 8 + 1 + 6 + 3  # corners, centre, faces; legend
    assert "xmlns:dc" not in svg  # no date, no version


def test_a_cell_that_cannot_be_drawn_has_no_picture_and_one_atom_needs_no_bond() -> None:
    cube = [[5.0, 0, 0], [0, 5.0, 0], [0, 0, 5.0]]
    assert crystal(["Cs"] * 501, cube, [[1.0, 1, 1]] * 501) == ""
    assert crystal(["Cs"], [*cube[:2], cube[0]], [[1.0, 1, 1]]) == ""
    svg = read(crystal(["Cs"], cube, [[1.0, 1, 1]]))
    assert len([*svg.iter("{http://www.w3.org/2000/svg}use")]) == 2  # atom, legend


def test_long_and_many_curves_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    axes = Mock()
    monkeypatch.setattr("pvkdb.display.notebook._picture", lambda draw: draw(axes))
    plot([(range(50_000), range(50_000)), *[((), ())] * 30], "x", "y")
    drawn = [call.args for call in axes.plot.call_args_list]
    assert len(drawn) == 20
    assert [len(values) for values in drawn[0][:2]] == [1000, 1000]
    axes.set_title.assert_called_once_with("the first 20 of 31 curves")


def test_a_picture_is_left_out_where_matplotlib_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert plot([([0, 1], [1, 2])], "x", "y") == ""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in HEAVY)) for name in views()]
)
def test_the_views_name_fields_that_exist(name: str) -> None:
    found = (vars(importlib.import_module(module)).get(name) for module in MODULES)
    shown = next(each for each in found if isinstance(each, type))
    known = getattr(shown, "model_fields", None) or {each.name for each in fields(shown)}
    for path in views()[name]:
        first = path.partition(".")[0]
        assert first in known or isinstance(getattr(shown, first), property | FunctionType), path


def test_a_composition_shows_its_ions_by_site() -> None:
    html = parse_composition("Cs2AgBiBr6")._repr_html_()
    assert "Cs<sub>2</sub>AgBiBr<sub>6</sub>" in html
    assert "1 Bi3+ on B" in html
