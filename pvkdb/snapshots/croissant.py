"""The Croissant description of the dataset, made from its Data Package.

Source: M. Akhtar et al., Croissant: a metadata format for ML-ready datasets, Proc. DEEM 2024,
doi:10.1145/3650203.3663326; format 1.0, https://docs.mlcommons.org/croissant/docs/croissant-spec.html.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from pvkdb._version import __version__

#: Media type under which readers of Croissant know Parquet.
_PARQUET = "application/x-parquet"
#: Types of columns by their Table Schema type.
_TYPES = {
    "string": "sc:Text",
    "array": "sc:Text",
    "integer": "sc:Integer",
    "number": "sc:Float",
    "boolean": "sc:Boolean",
    "datetime": "sc:DateTime",
}


def schema_org(package: Mapping[str, Any], url: str | None = None) -> dict[str, Any]:
    """Return what schema.org's ``Dataset`` says of a Data Package, without files."""
    found = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": package["title"],
        "description": package["description"],
        "version": package["version"],
        "license": package["licenses"][0]["path"],
        "keywords": package["keywords"],
        "creator": {"@type": "Organization", "name": package["contributors"][0]["title"]},
        "isBasedOn": [each["path"] for each in package["sources"]],
    }
    return found if url is None else {**found, "url": url}


def croissant(package: Mapping[str, Any], url: str | None = None) -> dict[str, Any]:
    """Return the Croissant description of a Data Package with Parquet files.

    Files without a hash are those of a service, whose dataset is declared live. The format asks
    for a semantic version, which is that of pvkdb with the dataset version behind the plus.
    """
    files = package["resources"]
    context = resources.files("pvkdb.snapshots") / "croissant_context.json"
    live = any("hash" not in each for each in files)
    return {
        **schema_org(package, url),
        "@context": json.loads(context.read_text(encoding="utf-8")),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "version": f"{__version__}+{package['version'].replace('+', '.')}",
        "isLiveDataset": live,
        "citeAs": f"{package['contributors'][0]['title']}, {package['title']}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": f"file-{each['name']}",
                "name": f"file-{each['name']}",
                "contentUrl": each["path"],
                "encodingFormat": _PARQUET if "schema" in each else each["mediatype"],
                **({} if live else {"sha256": each["hash"].removeprefix("sha256:")}),
            }
            for each in files
        ],
        "recordSet": [_record_set(each) for each in files if "schema" in each],
    }


def _record_set(resource: Mapping[str, Any]) -> dict[str, Any]:
    name, schema = resource["name"], resource["schema"]
    file = {"@id": f"file-{name}"}
    key = [{"@id": f"{name}/{column}"} for column in schema.get("primaryKey", ())]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": resource["description"],
        **({"key": key} if key else {}),
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column['name']}",
                "name": f"{name}/{column['name']}",
                "description": column["description"]
                + (f" Unit: {column['unit']}." if column.get("unit", "1") != "1" else ""),
                "dataType": _TYPES[column["type"]],
                "source": {"fileObject": file, "extract": {"column": column["name"]}},
            }
            for column in schema["fields"]
        ],
    }
