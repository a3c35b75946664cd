"""The Croissant description of the dataset, made from its Data Package.

Source: M. Akhtar et al., Croissant: a metadata format for ML-ready datasets, Proc. DEEM 2024,
doi:10.1145/3650203.3663326; format 1.0, https://docs.mlcommons.org/croissant/docs/croissant-spec.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pvkdb._version import __version__

_CROISSANT = "http://mlcommons.org/croissant/"
#: Media type under which its readers know Parquet.
_PARQUET = "application/x-parquet"
#: Terms that the context of Croissant 1.0 takes from its own vocabulary.
_TERMS = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format "
    "includes isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated "
    "replace samplingRate separator source subField transform"
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": _CROISSANT,
    "rai": f"{_CROISSANT}RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
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
    resources = package["resources"]
    live = any("hash" not in each for each in resources)
    return {
        **schema_org(package, url),
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": f"{_CROISSANT}1.0",
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
            for each in resources
        ],
        "recordSet": [_record_set(each) for each in resources if "schema" in each],
    }


def _record_set(resource: Mapping[str, Any]) -> dict[str, Any]:
    name, schema = resource["name"], resource["schema"]
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
                "description": _meaning(column),
                "dataType": _TYPES[column["type"]],
                "source": {
                    "fileObject": {"@id": f"file-{name}"},
                    "extract": {"column": column["name"]},
                },
            }
            for column in schema["fields"]
        ],
    }


def _meaning(column: Mapping[str, Any]) -> str:
    unit = column.get("unit")
    return f"{column['description']}{f' Unit: {unit}.' if unit not in (None, '1') else ''}"
