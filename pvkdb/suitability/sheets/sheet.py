"""The decision sheet of a ranking, and its files: JSON, an HTML page that loads nothing, PDF."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from pvkdb.display.numbers import percent, short_number, with_interval
from pvkdb.display.pages import page_file, templates
from pvkdb.literature.loader import transcribed_from
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import BASES
from pvkdb.schemas.rankings import Assessment, DecisionSheet, Grade, Known, RankedCandidate, Ranking
from pvkdb.store.collections import REFERENCES
from pvkdb.store.files.bibliography import author_year, dataset_text, doi_address, reference_text
from pvkdb.suitability.evidence.explanations import fails_text, requirement_text, value_text
from pvkdb.suitability.ranking.assessment import bounds_for
from pvkdb.suitability.sheets.comparisons import (
    answer,
    compared,
    label,
    named,
    open_values,
    scope,
    settled,
    stability,
)

#: Candidates on a sheet, and open values.
LISTED, OPEN = {"devices": 10, "materials": 7}, 5
_NOUNS = {"devices": "device", "materials": "composition"}
#: A computed source in a text: the name of a calculation, or the number of a screening.
COMPUTED_SOURCE = re.compile(r"\b(?P<kind>calculation|screening) (?P<name>[0-9a-f]{12}|\d+)\b")
#: A DOI in a text, outside of an address.
_DOI = re.compile(r"(?<![/\w])10\.\d{4,9}/[^\s;,)&<]+")
#: An address in a source.
_ADDRESS = re.compile(r"https?://[^\s;]+")
#: Where the doubt about another row begins.
_ROW = re.compile(r"(?:; |^)(?:Table \d+ row \d+|sections? [\d.]+): ")
#: Grades of values that are as plain to see in the name of a candidate.
_EVIDENT = (Grade.MISSING, Grade.COMPOSITION)
_PAGES = {"calculation": "jobs", "screening": "screenings"}


def page_of(found: re.Match[str]) -> str:
    """Return the path of the page of a :data:`COMPUTED_SOURCE` in a service."""
    return f"/{_PAGES[found['kind']]}/{found['name']}"


def decision_sheet(session: Session, ranking: Ranking, service: str = "") -> DecisionSheet:
    """Return the decision sheet of a ranking of the store; ``service`` is the address of its host.

    Without it, the addresses of computed sources are paths.
    """
    listed = ranking.candidates[: LISTED[ranking.subject]]
    second = next((entry for entry in ranking.candidates if entry.rank > 1), None)
    values = _values(listed)
    keys = " ".join(each.references for each in values).split()
    cited = [*REFERENCES.iterate(session, {"key": keys})] if keys else []
    known = {each.metric for each in values}
    opened = open_values(ranking, listed)[:OPEN]
    noun = _NOUNS[ranking.subject]
    return DecisionSheet(
        question=f"Which {noun} suits the application “{ranking.title}” best?",
        answer=answer(ranking),
        total=len(ranking.candidates),
        ranking=ranking.model_copy(update={"candidates": listed}),
        reasons=compared(ranking, listed[0], second) if second else [],
        stability=stability(ranking),
        open_values=opened,
        unchanged=[] if opened else settled(listed),
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
            for row in cited
            for doi in (row.doi or row.doi_seen,)
        },
        names={row.key: author_year(row.key, row.authors, row.year) for row in cited},
        scope=scope(ranking).partition(" Not judged:")[0],
        pages=_pages(values),
        cite=f"Decision sheet “{ranking.title}”, {noun}s. {dataset_text(ranking.dataset_version)} "
        "Tables, figures and sections that it names are those of: "
        + "; ".join(f"{each['title']}, {each['path']}" for each in transcribed_from())
        + ".",
    )


def papers_of(session: Session, listed: Sequence[RankedCandidate]) -> dict[str, str]:
    """Return the papers of candidates, and of all values of the first, by their keys.

    Each is a text such as ``Kim 2020 (r105), DOI``, or with the whole reference without a DOI.
    """
    named = " ".join(each.references for each in [*listed, *_values(listed[:1])]).split()
    keys = [*dict.fromkeys(named)]
    rows = {row.key: row for row in REFERENCES.iterate(session, {"key": keys})} if keys else {}
    found = {}
    for row in (rows[key] for key in keys if key in rows):
        name, doi = author_year(row.key, row.authors, row.year), row.doi or row.doi_seen
        where = doi_address(doi) if doi else reference_text(row).rstrip(".")
        named_so = f"{name} ({row.key})" if name != row.key else name
        found[row.key] = f"{named_so}, {where}"
    return found


def _values(listed: Sequence[RankedCandidate]) -> list[Assessment | Known]:
    """Return the known values of candidates, and those beside them."""
    found: list[Assessment | Known] = []
    for own in (each for entry in listed for each in entry.criteria):
        found.append(own)
        found.extend(own.beside)
    return [each for each in found if each.grade is not Grade.MISSING]


def _pages(values: Sequence[Assessment | Known]) -> dict[str, list[str]]:
    """Return the addresses in the sources of values, by the keys of their references.

    Where several papers have a value, what was read on a page is of those that came with one.
    """
    found: dict[str, dict[str, None]] = {}
    for each in values:
        keys = each.references.split()
        for key in [key for key in keys if key.startswith("web-")] or keys:
            for address in _ADDRESS.findall(each.source or ""):
                found.setdefault(key, {})[address] = None
    return {key: [*addresses] for key, addresses in sorted(found.items())}


def sheet_file(sheet: DecisionSheet, ending: str) -> bytes:
    """Return a decision sheet as an html, pdf or json file; equal sheets give equal bytes.

    Raises:
        InputError: the ending is another.
        MissingExtraError: jinja2, or matplotlib for a PDF, is not installed.
    """
    return page_file(
        "a decision sheet",
        ending,
        lambda: f"{sheet.model_dump_json(indent=1)}\n",
        lambda: _page(sheet),
    )


def _page(sheet: DecisionSheet) -> str:
    ranking = sheet.ranking
    shown = [
        place
        for place, each in enumerate(ranking.criteria)
        if each.weight > 0
        or any(entry.criteria[place].grade not in _EVIDENT for entry in ranking.candidates)
    ]
    found = [part for each in _values(ranking.candidates) for part in doubts_of(each.erratum or "")]
    functions = (label, named, percent, value_text, requirement_text, bounds_for, fails_text, said)
    known: dict[str, Any] = {each.__name__: each for each in (*functions, doubts_of, with_interval)}
    known |= {"bases": BASES, "number": short_number, "linked": _linked, "shown": shown}
    known |= {"errata": [*dict.fromkeys(found)]}
    known["limits"] = any(not ranking.criteria[place].graded for place in shown)
    template = templates("pvkdb.suitability.sheets", "rank").get_template("decision_sheet.html")
    return str(template.render(known, sheet=sheet, noun=_NOUNS[ranking.subject]))


def doubts_of(erratum: str) -> list[str]:
    """Return the doubts of an erratum by row, without the names of the rows."""
    parts = (part for part in erratum.split("; ") if not part.startswith("condition: "))
    return [part for part in _ROW.split("; ".join(parts)) if part]


def said(value: Known) -> str:
    """Return a value beside the one that counts, without its metric."""
    return value.text.removeprefix(METRICS[value.metric].says.partition("{")[0])


def _linked(source: str, addresses: Mapping[str, str]) -> Any:
    """Return a source as HTML with links to its DOIs, and to pages whose host is known."""
    from jinja2.utils import urlize
    from markupsafe import Markup

    def link(found: re.Match[str]) -> str:
        address = addresses.get(found[0], "")
        anchor = Markup('<a href="{}">{}</a>').format(address, found[0])
        return anchor if "//" in address else found[0]

    shown = _DOI.sub(r'<a href="https://doi.org/\g<0>">\g<0></a>', urlize(source, 24))
    return Markup(COMPUTED_SOURCE.sub(link, shown))
