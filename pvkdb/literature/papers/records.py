"""What each service says of a paper, read from answers in the shapes that it documents.

An answer of another shape raises AttributeError, InputError, KeyError, TypeError or ValueError.

Crossref: https://github.com/CrossRef/rest-api-doc/blob/master/api_format.md, and ``updated-by`` for
notices of Retraction Watch; https://developers.openalex.org/api-reference/works;
https://europepmc.org/RestfulWebService; https://info.arxiv.org/help/api/user-manual.html.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from pvkdb.client._io.answers import at
from pvkdb.errors import NotFoundError
from pvkdb.literature.entries import normal_doi
from pvkdb.schemas import parse_json

#: How the DOIs that arXiv gives begin; Crossref does not hold them.
ARXIV_DOI = "10.48550/arxiv."
#: Notices after which the values of a paper do not count.
_WITHDRAWING = ("retraction", "partial_retraction", "withdrawal", "removal")
#: By service, where the columns of a reference are, the first place that has something.
_COLUMNS: dict[str, dict[str, list[tuple[str | int, ...]]]] = {
    "Crossref": {
        "title": [("title", 0)],
        "journal": [("short-container-title", 0), ("container-title", 0)],
        "year": [("issued", "date-parts", 0, 0)],
        "volume": [("volume",)],
        "pages": [("page",), ("article-number",)],
        "doi": [("DOI",)],
    },
    "OpenAlex": {
        "title": [("title",)],
        "journal": [("primary_location", "source", "display_name")],
        "year": [("publication_year",)],
        "volume": [("biblio", "volume")],
        "doi": [("doi",)],
    },
    "Europe PMC": {
        "title": [("title",)],
        "journal": [("journalInfo", "journal", "isoabbreviation")],
        "year": [("pubYear",)],
        "volume": [("journalInfo", "volume")],
        "pages": [("pageInfo",)],
        "doi": [("doi",)],
    },
}
_ATOM = {"": "http://www.w3.org/2005/Atom", "arxiv": "http://arxiv.org/schemas/atom"}
_SHIFTED = {
    "sub": str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋"),
    "sup": str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻"),
}


@dataclass(frozen=True, slots=True)
class PaperRecord:
    """What a service says of a paper; ``reference`` has columns of an import of references.

    ``full_text`` is the address of an open full text. What is not known is empty.
    """

    service: str
    reference: Mapping[str, str]
    abstract: str = ""
    retracted: str = ""
    licence: str = ""
    full_text: str = ""


def crossref(content: bytes) -> PaperRecord:
    """Return what Crossref says of a DOI."""
    work = parse_json(content)["message"]
    said = [
        f"{before}{kind} {at(one, 'DOI')}"
        for field, before in (("updated-by", ""), ("update-to", "it is itself the "))
        for one in at(work, field) or ()
        if (kind := re.sub(r"[\s-]", "_", str(at(one, "type")).lower())) in _WITHDRAWING
    ]
    abstract = plain_text(at(work, "abstract")).removeprefix("Abstract ")
    return PaperRecord("Crossref", crossref_reference(work), abstract, "; ".join(said))


def crossref_reference(work: Any) -> dict[str, str]:
    """Return a work of Crossref as columns of an import of references."""
    people = [
        (at(one, "given"), at(one, "family") or at(one, "name")) for one in at(work, "author") or ()
    ]
    return _reference("Crossref", work, people)


def openalex(content: bytes) -> PaperRecord:
    """Return what OpenAlex says of a DOI."""
    work = parse_json(content)
    people = [_divided(at(one, "author", "display_name")) for one in at(work, "authorships") or ()]
    index = at(work, "abstract_inverted_index") or {}
    words = sorted((place, word) for word, places in index.items() for place in places)
    return PaperRecord(
        "OpenAlex",
        _reference("OpenAlex", work, people),
        plain_text(" ".join(word for _, word in words)),
        "retracted by OpenAlex" if at(work, "is_retracted") is True else "",
        str(at(work, "best_oa_location", "license") or ""),
        str(at(work, "best_oa_location", "pdf_url") or ""),
    )


def europe_pmc(content: bytes, doi: str) -> PaperRecord:
    """Return what Europe PMC says of a DOI. Raises NotFoundError."""
    found = parse_json(content)["resultList"]["result"]
    paper = next((one for one in found if str(at(one, "doi")).lower() == doi), None)
    if paper is None:
        raise NotFoundError(f"Europe PMC does not know {doi}")
    people = [
        (" ".join(at(one, "initials") or ""), at(one, "lastName"))
        for one in at(paper, "authorList", "author") or ()
    ]
    is_retracted = "Retracted Publication" in (at(paper, "pubTypeList", "pubType") or ())
    is_open = at(paper, "isOpenAccess") == "Y" and at(paper, "pmcid")
    return PaperRecord(
        "Europe PMC",
        _reference("Europe PMC", paper, people),
        plain_text(at(paper, "abstractText")),
        "retracted by Europe PMC" if is_retracted else "",
        str(at(paper, "license") or ""),
        f"{paper['pmcid']}/fullTextXML" if is_open else "",
    )


def arxiv(content: bytes, number: str) -> PaperRecord:
    """Return what arXiv says of a paper, with the DOI of its journal. Raises NotFoundError."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError("it has a DTD, which may unfold without end")
    try:
        entry = ElementTree.fromstring(content).find("entry", _ATOM)
    except ElementTree.ParseError as error:
        raise ValueError(f"it is not XML: {error}") from error
    if entry is None or f"/abs/{number}" not in entry.findtext("id", "", _ATOM):
        raise NotFoundError(f"arXiv does not know {number}")
    doi = entry.findtext("arxiv:doi", "", _ATOM)
    reference = {
        "title": plain_text(entry.findtext("title", "", _ATOM)),
        "authors": _listed([_divided(one.text) for one in entry.findall("author/name", _ATOM)]),
        "journal": entry.findtext("arxiv:journal_ref", "", _ATOM) if doi else f"arXiv:{number}",
        "year": entry.findtext("published", "", _ATOM)[:4],
        "doi": normal_doi(doi or ARXIV_DOI + number),
    }
    return PaperRecord("arXiv", reference, plain_text(entry.findtext("summary", "", _ATOM)))


def plain_text(markup: object) -> str:
    """Return a text without mark-up, with raised and lowered digits.

    Example:
        >>> plain_text("<jats:p>CsPbBr<jats:sub>3</jats:sub> at <i>T</i> &lt; 300 K</jats:p>")
        'CsPbBr₃ at T < 300 K'
    """
    text = str(markup or "")
    for _ in range(2):  # some titles are escaped twice
        for tag, signs in _SHIFTED.items():
            pattern = rf"\s*<(?:\w+:)?{tag}>([^<]*)</(?:\w+:)?{tag}>"
            pieces = re.split(pattern, text)
            pieces[1::2] = [piece.strip().translate(signs) for piece in pieces[1::2]]
            text = "".join(pieces)
        text = re.sub(r"</?(?:\w+:)?(?:p|title|sec|h\d|br)\b[^<>]*>", " ", text)
        text = html.unescape(re.sub(r"</?[a-z][\w:]*(?:\s[^<>]*)?/?>", "", text))
    return " ".join(text.split())


def _reference(service: str, work: Any, people: list[tuple[Any, Any]]) -> dict[str, str]:
    cells = {
        column: plain_text(next(filter(None, (at(work, *place) for place in places)), ""))
        for column, places in _COLUMNS[service].items()
    }
    cells |= {"title": cells["title"].removesuffix("."), "authors": _listed(people)}
    cells |= {"pages": cells.get("pages", "").replace("-", "–"), "doi": normal_doi(cells["doi"])}
    return {column: text for column, text in cells.items() if text}


def _listed(people: list[tuple[Any, Any]]) -> str:
    """Return authors as initials and family names: ``S.-G. Kim; R. A. John``."""
    short = [
        (re.sub(r"([^\W\d_])[\w'’]*\.?", r"\1.", plain_text(given)), plain_text(family))
        for given, family in people
    ]
    return "; ".join(f"{initials} {family}".strip() for initials, family in short if family)


def _divided(name: object) -> tuple[str, str]:
    """Return given and family name of a full name: ``Jan``, ``van den Berg``."""
    whole = re.fullmatch(r"(.+?) ((?:[a-z]{1,4} )*\S+)", plain_text(name))
    return (whole[1], whole[2]) if whole else ("", plain_text(name))
