"""The curated files as a Data Package, version 2 (https://datapackage.org).

``datapackage.json`` lies beside the files, so that any tool that knows the standard can check and
read them. ``python docs/reference/generate.py`` writes it, from the row models and the files.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
import json
from importlib import resources
from typing import Any

from pvkdb.errors import InputError
from pvkdb.literature.loader import FILES
from pvkdb.schemas.tables import TABLES
from pvkdb.schemas.tables.columns import Column, Row

PACKAGE = "datapackage.json"

#: Files in which a row belongs to one publication, so that a foreign key can say which.
_ONE_PUBLICATION = ("devices", "benchmark_datasets")
_KEYS = (
    " Several keys in a cell cannot be declared as a foreign key in Table Schema; each of them is "
    "a `key` of `references`."
)
#: Properties of a column that travel under their own names, beside those of Table Schema.
_CUSTOM = ("unit", "unit_column", "empty", "source")


def render() -> str:
    """The text of ``datapackage.json``.

    Raises:
        InputError: a file has a column that its row model does not declare.
    """
    return json.dumps(descriptor(), ensure_ascii=False, indent=2) + "\n"


def descriptor() -> dict[str, Any]:
    """The package: whose data it is, and one resource for each curated file."""
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "pvkdb-literature",
        "title": "Halide-perovskite memristors: curated literature",
        "description": (
            "Energetics, devices, their figures, requirements of applications and the bibliography "
            "behind them, transcribed from one review.\n\n"
            "Only facts are taken, each with its place; a printed number stays as printed, and a "
            "doubt stands beside it in `erratum`. README.md holds the rules of curation, pvkdb's "
            "NOTICE says what is taken from the review. Additions to the standard: `unit` (1 is a "
            "pure number), `unit_column`, `empty` (what an empty cell means) and `source` of a "
            "field, `rows` of a resource."
        ),
        "keywords": ["halide perovskite", "memristor", "ion migration", "neuromorphic computing"],
        "licenses": [
            {
                "name": "MIT",
                "title": "MIT License",
                "path": "https://opensource.org/license/mit",
            }
        ],
        "sources": [
            {
                "title": (
                    "N. Yantara, X. Xing, D. Sharma, D. J. J. Tay, S. Varku and N. Mathews, From "
                    "solar cells to memristors: halide perovskites as a platform for neuromorphic "
                    "electronics, Chem. Soc. Rev., 2026, 55, 2145"
                ),
                "path": "https://doi.org/10.1039/d5cs01222h",
            }
        ],
        "contributors": [{"title": "The pvkdb developers", "roles": ["dataCurator"]}],
        "resources": [_resource(name) for name in FILES],
    }


def _resource(name: str) -> dict[str, Any]:
    content = (resources.files("pvkdb.literature") / f"{name}.csv").read_bytes()
    header, *rows = csv.reader(content.decode().splitlines())
    return {
        "name": name,
        "type": "table",
        "path": f"{name}.csv",
        "description": f"{TABLES[name].purpose} A row: {inspect.getdoc(TABLES[name])}",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "rows": len(rows),
        "schema": _schema(name, TABLES[name], header),
    }


def _schema(name: str, row: type[Row], header: list[str]) -> dict[str, Any]:
    declared = row.dictionary()
    unknown = [column for column in header if column not in declared]
    if unknown:
        raise InputError(
            f"{name}.csv has columns that {row.__name__} does not declare: {', '.join(unknown)}; "
            "declare them in pvkdb/schemas"
        )
    schema: dict[str, Any] = {
        "fields": [_field(name, row, declared[column]) for column in header],
        "missingValues": [""],
    }
    # A key with a column that may be empty cannot be said in Table Schema.
    if all(declared[column].empty is None for column in row.primary_key):
        schema["primaryKey"] = list(row.primary_key)
    if name in _ONE_PUBLICATION:
        reference = {"resource": "references", "fields": ["key"]}
        schema["foreignKeys"] = [{"fields": ["references"], "reference": reference}]
    return schema


def _field(name: str, row: type[Row], column: Column) -> dict[str, Any]:
    several_keys = column.name == "references" and name not in _ONE_PUBLICATION
    constraints = {
        "required": column.empty is None or None,
        "unique": row.primary_key == (column.name,) or None,
        "enum": list(column.values) or None,
        "pattern": r"\S+( \S+)*" if several_keys else None,
        "minimum": column.minimum,
        "maximum": column.maximum,
    }
    field: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "description": column.meaning + (_KEYS if several_keys else ""),
        **_told({custom: getattr(column, custom) for custom in _CUSTOM}),
    }
    if column.type == "boolean":
        field |= {"trueValues": ["true"], "falseValues": ["false"]}
    if _told(constraints):
        field["constraints"] = _told(constraints)
    return field


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if fact is not None}
