"""The decision sheet of a ranking, and its files: JSON, an HTML page that loads nothing, PDF."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from io import BytesIO
from threading import Lock
from typing import Any
from xml.etree import ElementTree

from sqlalchemy.orm import Session

from pvkdb.display.figures import style
from pvkdb.display.numbers import percent, short_number
from pvkdb.errors import InputError, MissingExtraError
from pvkdb.literature.loader import transcribed_from
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import BASES
from pvkdb.schemas.rankings import (
    ORDERS,
    SCORES,
    Assessment,
    DecisionSheet,
    Grade,
    Known,
    RankedCandidate,
    Ranking,
)
from pvkdb.store.collections import REFERENCES
from pvkdb.store.files.bibliography import dataset_text, doi_address, reference_text
from pvkdb.suitability.evidence.explanations import requirement_text, value_text
from pvkdb.suitability.ranking.assessment import bounds_for
from pvkdb.suitability.sheets.comparisons import compared, label, named, stability
from pvkdb.suitability.sheets.information import open_values, settled

#: Candidates on a sheet, and open values.
LISTED, OPEN = 10, 5
#: Media types by the ending of the file.
SHEET_TYPES = {"html": "text/html", "pdf": "application/pdf", "json": "application/json"}
_NOUNS = {"devices": "device", "materials": "composition"}
#: A computed source in a text: the name of a calculation, or the number of a screening.
COMPUTED_SOURCE = re.compile(r"\b(?P<kind>calculation|screening) (?P<name>[0-9a-f]{12}|\d+)\b")
_PAGES = {"calculation": "jobs", "screening": "screenings"}


def page_of(found: re.Match[str]) -> str:
    """Return the path of the page of a :data:`COMPUTED_SOURCE` in a service."""
    return f"/{_PAGES[found['kind']]}/{found['name']}"


def decision_sheet(session: Session, ranking: Ranking, service: str = "") -> DecisionSheet:
    """Return the decision sheet of a ranking of the store; ``service`` is the address of its host.

    Without it, the addresses of computed sources are paths.
    """
    listed = ranking.candidates[:LISTED]
    second = next((entry for entry in ranking.candidates if entry.rank > 1), None)
    values = _values(listed)
    cited = " ".join(each.references for each in values).split()
    known = {each.metric for each in values}
    opened = open_values(ranking, listed)[:OPEN]
    noun = _NOUNS[ranking.subject]
    reasons = compared(ranking, listed[0], second) if second else []
    if second and second.tie_break:
        reasons.insert(0, f"{named(second)} is next with the same score: {second.tie_break}.")
    return DecisionSheet(
        question=f"Which {noun} suits the application “{ranking.title}” best?",
        filters=[note for note in ranking.notes if note.startswith("set aside")],
        total=len(ranking.candidates),
        ranking=ranking.model_copy(update={"candidates": listed}),
        reasons=reasons,
        stability=stability(ranking),
        open_values=opened,
        unchanged=[] if opened else settled(ranking, listed),
        not_judged=[
            *(f"{each.asks}: no number ({each.source})" for each in ranking.not_judged),
            *(
                f"{label(each.metric)}: no evidence on any of these {noun}s"
                for each in ranking.criteria
                if listed and each.metric not in known and not METRICS[each.metric].modelled
            ),
        ],
        addresses={
            found[0]: service + page_of(found)
            for each in values
            for found in COMPUTED_SOURCE.finditer(each.source or "")
        },
        references={
            row.key: f"{reference_text(row)} {doi_address(doi) if doi else ''}".strip()
            for row in (REFERENCES.iterate(session, {"key": cited}) if cited else ())
            for doi in (row.doi or row.doi_seen,)
        },
        cite=f"Decision sheet “{ranking.title}”, {noun}s. {dataset_text(ranking.dataset_version)} "
        "Tables, figures and sections that it names are those of: "
        + "; ".join(f"{each['title']}, {each['path']}" for each in transcribed_from())
        + ".",
    )


def _values(listed: Sequence[RankedCandidate]) -> list[Assessment | Known]:
    """Return the known values of candidates, and those beside them."""
    found: list[Assessment | Known] = []
    for own in (each for entry in listed for each in entry.criteria):
        found.append(own)
        found.extend(own.beside)
    return [each for each in found if each.grade is not Grade.MISSING]


def sheet_file(sheet: DecisionSheet, ending: str) -> bytes:
    """Return a decision sheet as an html, pdf or json file; equal sheets give equal bytes.

    Raises:
        InputError: the ending is another.
        MissingExtraError: jinja2, or matplotlib for a PDF, is not installed.
    """
    if ending not in SHEET_TYPES:
        known = ", ".join(SHEET_TYPES)
        raise InputError(f"a decision sheet cannot be written as {ending!r}; choose one of {known}")
    if ending == "json":
        return f"{sheet.model_dump_json(indent=1)}\n".encode()
    ranking = sheet.ranking
    shown = [
        place
        for place, each in enumerate(ranking.criteria)
        if each.weight > 0
        or any(entry.criteria[place].grade is not Grade.MISSING for entry in ranking.candidates)
    ]
    doubts = (each.erratum for each in _values(ranking.candidates) if each.erratum)
    errata = [*dict.fromkeys(doubts)]
    noun = _NOUNS[ranking.subject]
    page = _template().render(sheet=sheet, noun=noun, shown=shown, errata=errata)
    return _pdf(page) if ending == "pdf" else page.encode()


def _linked(source: str, addresses: Mapping[str, str]) -> Any:
    """Return a source as HTML with links to its pages, as far as their hosts are known."""
    from jinja2.utils import urlize
    from markupsafe import Markup

    def link(found: re.Match[str]) -> str:
        address = addresses[found[0]]
        return (
            Markup('<a href="{}">{}</a>').format(address, found[0]) if "//" in address else found[0]
        )

    return Markup(COMPUTED_SOURCE.sub(link, urlize(source, 24)))


@cache
def _template() -> Any:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise MissingExtraError("jinja2", "rank") from error
    loader = PackageLoader("pvkdb.suitability.sheets")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    functions = (label, named, percent, value_text, requirement_text, bounds_for)
    made.globals |= {each.__name__: each for each in functions} | {"linked": _linked}
    made.globals |= {"bases": BASES, "orders": ORDERS, "scores": SCORES, "number": short_number}
    return made.get_template("decision_sheet.html")


#: A4 across, its margin, and the sizes of the fonts, in points.
_WIDTH, _HEIGHT, _MARGIN = 842.0, 595.0, 24.0
_SIZES = {"h1": 13.0, "h2": 9.0, "p": 6.0, "table": 6.0}
#: The style of matplotlib is one for all threads.
_DRAWING = Lock()


def _pdf(page: str) -> bytes:
    """Return a page of headings, paragraphs and tables as a PDF, drawn with matplotlib."""
    with _DRAWING, style({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}):
        from matplotlib.backends.backend_pdf import PdfPages
        from matplotlib.figure import Figure

        file, y = BytesIO(), 0.0
        sheet: Any = None
        page = "".join(sign if sign.isprintable() else " " for sign in page)
        root = ElementTree.fromstring(page.replace("<br/>", "\n"))
        with PdfPages(file, metadata={"CreationDate": None}) as pages:
            for part in (each for each in root.iter() if each.tag in _SIZES):
                rows = [[*map(_text, row)] for row in part.iter("tr")] or [[_text(part)]]
                parts = [max(map(_breadth, column)) for column in zip(*rows, strict=True)]
                widths = [(_WIDTH - 2 * _MARGIN) * each / sum(parts) for each in parts]
                size = _SIZES[part.tag]
                link = next((a.get("href") for a in part.iter("a") if part.tag == "p"), None)
                for place, row in enumerate(rows):
                    cells = [_wrapped(*pair, size) for pair in zip(row, widths, strict=True)]
                    height = max(cell.count("\n") + 1 for cell in cells) * size * 1.3 + 2
                    if sheet is None or y - height < _MARGIN:
                        if sheet is not None:
                            pages.savefig(sheet)
                        sheet = Figure(figsize=(_WIDTH / 72, _HEIGHT / 72))
                        y = _HEIGHT - _MARGIN
                    weight = "normal" if part.tag == "p" or place else "bold"
                    for at, cell in enumerate(cells):
                        x = (_MARGIN + sum(widths[:at])) / _WIDTH
                        text = sheet.text(x, y / _HEIGHT, cell, size=size, weight=weight, url=link)
                        text.set(va="top", linespacing=1.3, parse_math=False)
                    y -= height
            pages.savefig(sheet)
        return file.getvalue()


def _text(part: ElementTree.Element) -> str:
    lines = "".join(part.itertext()).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines)


def _breadth(text: str) -> float:
    """Return how much of a row a text needs: more for a longer text, and for a longer word."""
    word = min(max(map(len, text.split()), default=0), 14)
    return float(max(len(text) ** 0.5, 0.36 * word))


def _wrapped(text: str, width: float, size: float) -> str:
    room = max(4, int(width / (0.62 * size)) - 1)  # wider than most characters of DejaVu Sans
    lines = (textwrap.wrap(part, room) or [""] for part in text.split("\n"))
    return "\n".join(line for part in lines for line in part)
