"""One-page reports: templates, and pages of headings, paragraphs, tables and pictures as PDF."""

from __future__ import annotations

import textwrap
from base64 import b64decode
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

from pvkdb._extras import needing
from pvkdb.display.colours import GREY
from pvkdb.display.figures import style
from pvkdb.display.numbers import shortened
from pvkdb.errors import InputError

#: Media types by the ending of the file.
SHEET_TYPES = {"html": "text/html", "pdf": "application/pdf", "json": "application/json"}

#: The style that all reports share.
_LOOK = """\
@page { size: A4 landscape; margin: 9mm }
body { font: 10pt/1.35 system-ui, "DejaVu Sans", sans-serif; max-width: 80rem; margin: 1rem auto;
  padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.5em; margin: 0 } h2 { font-size: 1.1em; margin: .8em 0 .2em }
p { margin: .2em 0 } tr { break-inside: avoid } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .2em .6em .2em 0;
  border-top: 1px solid #bbb; min-width: 4em }"""


def page_file(
    what: str, ending: str, as_json: Callable[[], str], as_html: Callable[[], str]
) -> bytes:
    """Return a report as an html, pdf or json file; equal reports give equal bytes.

    Raises:
        InputError: the ending is another.
        MissingExtraError: jinja2, or matplotlib for a PDF, is not installed.
    """
    if ending not in SHEET_TYPES:
        known = ", ".join(SHEET_TYPES)
        raise InputError(f"{what} cannot be written as {ending!r}; choose one of {known}")
    if ending == "json":
        return as_json().encode()
    return pdf(as_html()) if ending == "pdf" else as_html().encode()


@cache
def templates(package: str, extra: str) -> Any:
    """Return the jinja2 environment of the templates of a package.

    Raises:
        MissingExtraError: jinja2 is not installed; names the extra that has it.
    """
    with needing(extra):
        from jinja2 import Environment, PackageLoader, StrictUndefined
    made = Environment(loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined)
    made.globals["look"] = _LOOK
    return made


#: A4 across, its margin, the height of a picture, and the sizes of the fonts, in points.
_WIDTH, _HEIGHT, _MARGIN, _PICTURE = 842.0, 595.0, 24.0, 150.0
#: Width of most letters of DejaVu Sans, plain and bold, in font sizes; in long lines it is less.
_LETTERS = {"normal": 0.6, "bold": 0.7}
_IN_LONG_LINES = 0.9
#: Longest address.
_ADDRESS = 70
_SIZES = {"h1": 13.0, "h2": 9.0, "p": 6.0, "table": 6.0, "img": 0.0}


def pdf(page: str) -> bytes:
    """Return a page of headings, paragraphs, tables and PNG pictures as a PDF, by matplotlib.

    What needs more than one sheet is set in two columns, all of it or what follows its tables.
    """
    page = "".join(sign if sign.isprintable() else " " for sign in page)
    root = ElementTree.fromstring(page.replace("<br/>", "\n"))
    for anchor in root.iter("a"):  # on paper the beginning is enough; the link is whole
        anchor.text = shortened(anchor.text or "", _ADDRESS)
    with style({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}):
        from matplotlib.backends.backend_pdf import PdfPages

        if len(sheets := _sheets(root, 1, 1)) > 1:
            sheets = min(_sheets(root, 1, 2), _sheets(root, 2, 2), sheets, key=len)
        with PdfPages(file := BytesIO(), metadata={"CreationDate": None}) as pages:
            for sheet in sheets:
                pages.savefig(sheet)
        return file.getvalue()


def _sheets(root: ElementTree.Element, first: int, last: int) -> list[Any]:
    """Return the sheets, with ``first`` columns down to the last table, and ``last`` below."""
    from matplotlib.figure import Figure
    from matplotlib.image import imread
    from matplotlib.lines import Line2D

    sheets, columns, column, top, y, right = list[Any](), first, first - 1, 0.0, 0.0, 0.0
    shown = (each for each in root.iter() if each.tag in _SIZES)
    parts_of_page = [each for each in shown if each.tag == "img" or _text(each)]
    tables = [place for place, each in enumerate(parts_of_page) if each.tag == "table"]

    def room(height: float) -> float:
        """Begin a new column where the height does not fit; return the place below it."""
        nonlocal column, top, y
        if y - height < _MARGIN:
            column = (column + 1) % columns
            if column == 0:
                sheets.append(Figure(figsize=(_WIDTH / 72, _HEIGHT / 72)))
                top = _HEIGHT - _MARGIN
            y = top
        return y - height

    for place_of_part, part in enumerate(parts_of_page):
        if columns != last and place_of_part > max(tables, default=-1):
            columns, column, top = last, 0, y
        breadth = (_WIDTH - (columns + 1) * _MARGIN) / columns
        if part.tag == "img":  # beside the one before, if there is room
            image = imread(BytesIO(b64decode(part.get("src", "").partition(",")[2])))
            width = _PICTURE * image.shape[1] / image.shape[0]
            if not right or right + width > breadth:
                y, right = room(_PICTURE), 0.0
            left = (_MARGIN + column * (breadth + _MARGIN) + right) / _WIDTH
            place = (left, y / _HEIGHT, width / _WIDTH, _PICTURE / _HEIGHT)
            sheets[-1].add_axes(place).imshow(image, aspect="auto", interpolation="none")
            sheets[-1].axes[-1].set_axis_off()
            right += width
            continue
        right = 0.0
        found = [[*row] for row in part.iter("tr")] or [[part]]
        rows = [[*map(_text, row)] for row in found]
        parts = [max(map(_breadth, column)) for column in zip(*rows, strict=True)]
        size = _SIZES[part.tag]
        least = 5 * _LETTERS["normal"] * size  # that of a word of four letters
        rest = (breadth - least * len(parts)) / sum(parts)
        widths = [least + rest * each for each in parts]
        if part.tag == "h2":
            room(4 * size)  # a heading is not the last of its column
        for number, row in enumerate(rows):
            plain = part.tag == "p" and part.find("strong") is None
            weight = "normal" if plain or number else "bold"
            letter = size * _LETTERS[weight] * (_IN_LONG_LINES if part.tag == "p" else 1)
            cells = [_wrapped(*pair, letter) for pair in zip(row, widths, strict=True)]
            below = room(max(cell.count("\n") + 1 for cell in cells) * size * 1.3 + 2)
            left = (_MARGIN + column * (breadth + _MARGIN)) / _WIDTH
            if part.tag == "table":  # the line above a row
                ends = [left, left + breadth / _WIDTH], [(y + 1.5) / _HEIGHT] * 2
                sheets[-1].add_artist(Line2D(*ends, color=GREY, linewidth=0.4))
            for at, cell in enumerate(cells):
                x = left + sum(widths[:at]) / _WIDTH
                link = _link(found[number][at], root)
                text = sheets[-1].text(x, y / _HEIGHT, cell, size=size, weight=weight, url=link)
                text.set(va="top", linespacing=1.3, parse_math=False)
            y = below
    return sheets


def _text(part: ElementTree.Element) -> str:
    lines = "".join(part.itertext()).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines)


def _link(part: ElementTree.Element, root: ElementTree.Element) -> str | None:
    """Return the first address that a part leads to, also by a paragraph of the page; or None."""
    for link in (anchor.get("href", "") for anchor in part.iter("a")):
        if not link.startswith("#"):
            return link
        inner = (each for each in root.iter("p") if each.get("id") == link[1:])
        if found := next((a.get("href") for each in inner for a in each.iter("a")), None):
            return found
    return None


def _breadth(text: str) -> float:
    """Return how much of a row a text needs: more for a longer text, and for a longer word."""
    word = min(max(map(len, text.split()), default=0), 14)
    return float(max(len(text) ** 0.5, 0.36 * word))


def _wrapped(text: str, width: float, letter: float) -> str:
    room = max(4, int(width / letter) - 1)
    lines = (textwrap.wrap(part, room) or [""] for part in text.split("\n"))
    return "\n".join(line for part in lines for line in part)
