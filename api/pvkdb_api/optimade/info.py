"""The answers of ``/info`` and ``/links``: base URL, entry types, their properties."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pvkdb_api.optimade.entries.references import REFERENCES
from pvkdb_api.optimade.entries.search import EntryType
from pvkdb_api.optimade.entries.structures import STRUCTURES
from pvkdb_api.optimade.responses import API_VERSION

ENTRY_TYPES: Mapping[str, EntryType] = {each.name: each for each in (STRUCTURES, REFERENCES)}


def base_info(base_url: str) -> dict[str, Any]:
    """Return the ``/info`` entry of the base URL."""
    return {
        "type": "info",
        "id": "/",
        "attributes": {
            "api_version": API_VERSION,
            "available_api_versions": [{"url": base_url, "version": API_VERSION}],
            "formats": ["json"],
            "available_endpoints": ["info", "links", *ENTRY_TYPES],
            "entry_types_by_format": {"json": [*ENTRY_TYPES]},
            "is_index": False,
            "license": None,
            "available_licenses": None,
            "available_licenses_for_entries": None,
        },
    }


def entry_info(kind: EntryType) -> dict[str, Any]:
    """Return the ``/info`` of an entry type: meaning, unit and type of each property."""
    described = _specified(kind.name)
    properties = {
        name: {
            "description": each.description or described[name]["description"],
            "unit": each.unit or described.get(name, {}).get("unit"),
            "sortable": each.sortable,
            "type": each.kind,
        }
        for name, each in kind.properties.items()
        if each.has_values
    }
    return {
        "type": "info",
        "id": kind.name,
        "formats": ["json"],
        "description": kind.description,
        "properties": properties,
        "output_fields_by_format": {"json": [*properties]},
    }


@cache
def _specified(entry_type: str) -> dict[str, dict[str, Any]]:
    """Return the properties' descriptions from the OPTIMADE specification, by name."""
    from optimade.server.schemas import ENTRY_INFO_SCHEMAS, retrieve_queryable_properties

    found = retrieve_queryable_properties(
        ENTRY_INFO_SCHEMAS[entry_type], ("id", "type", "attributes")
    )
    return {name: dict(facts) for name, facts in found.items()}


def links(base_url: str) -> list[dict[str, Any]]:
    """Return the ``/links`` entries: this database only."""
    return [
        {
            "type": "links",
            "id": "pvkdb",
            "attributes": {
                "name": "pvkdb",
                "description": "Halide perovskites for memristors",
                "base_url": base_url.removesuffix("/v1"),
                "homepage": None,
                "link_type": "root",
            },
        }
    ]
