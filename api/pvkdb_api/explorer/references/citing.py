"""How to cite: a reference and the dataset, as text and as BibTeX."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pvkdb._version import __version__
from pvkdb.schemas.tables import ReferencesRow

#: Characters that mean something to TeX.
_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        **{sign: f"\\{sign}" for sign in "&%$#_"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


@dataclass(frozen=True, slots=True)
class Source:
    """What the curated files were transcribed from."""

    title: str
    address: str


@cache
def sources() -> tuple[Source, ...]:
    """The sources of the curated files, as their Data Package names them."""
    package = resources.files("pvkdb.literature").joinpath("datapackage.json")
    text = package.read_text(encoding="utf-8")
    return tuple(Source(each["title"], each["path"]) for each in json.loads(text)["sources"])


def doi_address(doi: str) -> str:
    """Where a DOI leads."""
    return f"https://doi.org/{doi}"


def reference_text(reference: ReferencesRow) -> str:
    """A reference in a line, without what is not known of it."""
    authors = reference.authors and reference.authors.replace("; ", ", ")
    volume = reference.volume and f"vol. {reference.volume}"
    parts = (authors, reference.title, reference.journal, reference.year, volume, reference.pages)
    line = ", ".join(str(part) for part in parts if part)
    return f"{line or reference.key}."


def reference_bibtex(reference: ReferencesRow) -> str:
    """A reference for BibTeX. Names stand as printed: initials, then the family name."""
    authors = reference.authors and " and ".join(reference.authors.split("; "))
    fields = {
        "author": authors,
        "title": reference.title,
        "journal": reference.journal,
        "year": reference.year,
        "volume": reference.volume,
        "pages": reference.pages and reference.pages.replace("–", "--"),
    }
    lines = [f"  {name} = {{{_tex(str(value))}}}" for name, value in fields.items() if value]
    if reference.doi:
        lines.append(f"  doi = {{{reference.doi}}}")
    return _entry("article" if reference.journal else "misc", reference.key, lines)


def dataset_text(version: str) -> str:
    """A dataset version in a line."""
    return f"The pvkdb developers, pvkdb: halide-perovskite memristors, dataset {version}."


def dataset_bibtex(version: str) -> str:
    """A dataset version for BibTeX."""
    fields = {
        "author": "{The pvkdb developers}",
        "title": "pvkdb: halide-perovskite memristors",
        "version": _tex(version),
        "note": _tex(f"dataset {version}, read with pvkdb {__version__}"),
    }
    return _entry("misc", "pvkdb", [f"  {name} = {{{value}}}" for name, value in fields.items()])


def _entry(kind: str, key: str, lines: list[str]) -> str:
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"


def _tex(text: str) -> str:
    return text.translate(_SPECIAL)
