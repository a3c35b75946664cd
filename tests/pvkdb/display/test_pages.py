"""Pages of text and tables as PDF."""

from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from pvkdb.display.pages import pdf

#: The headings of a decision sheet, and a row with as much text as there.
HEADINGS = (
    *("Rank", "Device", "Scores: proven · average · possible", "Ranked first in random trials"),
    *("endurance", "retention (no weight)", "on/off ratio (no weight)", "switching time"),
)
LONG = "at least 3000 cycles: not demonstrated measured; abstract; see erratum 2"
ROW = ("1", "ITO/PMMA/CsPbBr3 quantum dots/PMMA/Ag (d-t4-r11)", "0.1 · 0.667", "1.7 %", *[LONG] * 4)


def test_no_text_runs_into_its_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the heading "Rank" into "Device"."""
    printed: list[Figure] = []
    monkeypatch.setattr(PdfPages, "savefig", lambda _, figure: printed.append(figure))
    head = "".join(f"<th>{each}</th>" for each in HEADINGS)
    row = "".join(f"<td>{each}</td>" for each in ROW)
    paragraphs = "<p>Of a few words.</p>" * 200  # which are set in two columns
    pdf(f"<html><table><tr>{head}</tr><tr>{row}</tr></table>{paragraphs}</html>")
    assert printed
    for figure in printed:
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [(text.get_window_extent(renderer), text.get_text()) for text in figure.texts]
        for (box, text), (other, beside) in combinations(boxes, 2):
            assert not box.padded(-0.5).overlaps(other), (text, beside)
