"""Citations of a reference and of the dataset, as text and as BibTeX."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from pvkdb._version import __version__
from pvkdb.schemas.tables import ReferencesRow

#: Characters with a special meaning in TeX.
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


@cache
def sources() -> list[dict[str, str]]:
    """Return the publications from which the curated files were transcribed: title and path."""
    package = resources.files("pvkdb.literature").joinpath("datapackage.json")
    found: list[dict[str, str]] = json.loads(package.read_text(encoding="utf-8"))["sources"]
    return found


def doi_address(doi: str) -> str:
    """Return the address of a DOI."""
    return f"https://doi.org/{doi}"


def reference_text(reference: ReferencesRow) -> str:
    """Return a reference as one line of text; unknown parts are left out."""
    authors = reference.authors and reference.authors.replace("; ", ", ")
    volume = reference.volume and f"vol. {reference.volume}"
    parts = (authors, reference.title, reference.journal, reference.year, volume, reference.pages)
    line = ", ".join(str(part) for part in parts if part)
    return f"{line or reference.key}."


def reference_bibtex(reference: ReferencesRow) -> str:
    """Return a reference as BibTeX; names as printed, initials before the family name."""
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
    """Return a dataset version as one line of text."""
    return f"The pvkdb developers, pvkdb: halide-perovskite memristors, dataset {version}."


def dataset_bibtex(version: str) -> str:
    """Return a dataset version as BibTeX."""
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
