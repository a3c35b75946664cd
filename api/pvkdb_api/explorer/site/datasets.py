"""What search engines and programs read of the dataset: schema.org's terms, and Croissant."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fastapi import Request

from pvkdb.schemas.tables import TABLES, CompositionsRow
from pvkdb.snapshots.croissant import croissant, schema_org
from pvkdb.snapshots.writing import data_package
from pvkdb.store.files.table_files import FORMATS
from pvkdb.store.rows.energy_ranges import ORIGINS
from pvkdb_api.core.paths import API
from pvkdb_api.explorer.site.rendering import link, service_root
from pvkdb_api.listing.snapshots import SNAPSHOT_TYPES

#: Quantities of a composition by the beginnings of their columns.
_MEASURED = {
    "e_a": "activation energy of halide migration",
    "dfe": "formation energy of the halide vacancy",
}


@lru_cache(maxsize=8)
def _package(root: str, version: str) -> Mapping[str, Any]:
    """Return the Data Package of a service, whose files are its exports."""
    kind = FORMATS["parquet"]
    return data_package(
        version,
        {
            name: {"path": f"{root}{API}/export/{name}?format=parquet", "mediatype": kind}
            for name in TABLES
        },
    )


def live_croissant(request: Request) -> dict[str, Any]:
    """Return the Croissant description of the tables of this service."""
    root = service_root(request)
    return croissant(_package(root, request.state.dataset_version), f"{root}/")


def whole_dataset(request: Request) -> dict[str, Any]:
    """Return the dataset as schema.org's ``Dataset``."""
    root = service_root(request)
    files = {f"{root}{API}/snapshot?format={kind}": media for kind, media in SNAPSHOT_TYPES.items()}
    package = _package(root, request.state.dataset_version)
    return {**schema_org(package, f"{root}/"), "distribution": _downloads(files)}


def dataset_of(request: Request, composition: CompositionsRow, filter: str) -> dict[str, Any]:
    """Return what the store has of a composition as schema.org's ``Dataset``, with its energies.

    ``filter`` is the formula as a value of a filter.
    """
    root, formula = service_root(request), composition.formula
    whole = schema_org(_package(root, request.state.dataset_version), f"{root}/")
    energies = link(f"{API}/export/energetics", format="csv", material=filter)
    record = link(f"{API}/compositions", formula)
    return {
        **whole,
        "name": f"{formula}: ion migration, defects, structures and devices",
        "description": f"Reported and computed energies of ion migration and defects, structures, "
        f"and memristors of {formula}, each with its source.",
        "url": root + link("/compositions", formula),
        "isPartOf": {name: whole[name] for name in ("@type", "name", "url")},
        "about": {"@type": "ChemicalSubstance", "name": formula},
        "variableMeasured": [
            {
                "@type": "PropertyValue",
                "name": f"{name}, {origin}",
                "unitText": "eV",
                "minValue": getattr(composition, f"{quantity}_{origin}_min_ev"),
                "maxValue": getattr(composition, f"{quantity}_{origin}_max_ev"),
            }
            for quantity, name in _MEASURED.items()
            for origin in ORIGINS
            if getattr(composition, f"{quantity}_{origin}_min_ev") is not None
        ],
        "distribution": _downloads(
            {root + record: "application/json", root + energies: "text/csv"}
        ),
    }


def _downloads(files: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"@type": "DataDownload", "contentUrl": address, "encodingFormat": media}
        for address, media in files.items()
    ]
