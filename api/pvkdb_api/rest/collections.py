"""Lists and single rows: a router for each collection of the store."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, create_model
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.operations.fields import Text
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.responses import (
    CollectionFields,
    EnergySummary,
    FieldInfo,
    FilterInfo,
    Page,
)
from pvkdb.schemas.tables import StructureDocument
from pvkdb.store.collections import ENERGETICS, LISTED
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.energetics import energy_summaries
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.from_models import calculation_document, structure_document
from pvkdb_api.core.etags import CONDITIONAL, answer
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
from pvkdb_api.listing.parameters import MOST_ROWS, filter_fields, query_model
from pvkdb_api.listing.queries import page_answer, read_filters
from pvkdb_api.rest.openapi import rest_router

#: Collections whose single entries are documents: model, document, and conversion.
DOCUMENTS: dict[str, tuple[Any, type[BaseModel], Any]] = {
    "structures": (Structure, StructureDocument, structure_document),
    "calculations": (Calculation, CalculationDocument, calculation_document),
}

#: Collections whose single entries have their own router.
OWN_ROUTERS = frozenset({"structures"})

_TYPES = {str: "string", float: "number", int: "integer", bool: "boolean"}


def collection_router(collection: Collection[Any]) -> APIRouter:
    """Return ``GET /NAME``, ``GET /NAME/fields`` and, if rows have a key, ``GET /NAME/{key}``."""
    name = collection.name
    router = rest_router(prefix=f"{API}/{name}", tags=[name])
    parameters = query_model(collection)
    document = DOCUMENTS[name][1] if name in DOCUMENTS else collection.row
    stem = collection.row.__name__.removesuffix("Row")
    listed: Any = collection.row | part_of(stem, collection.row)
    page: Any = create_model(f"{stem}Page", __base__=Page[listed])

    @router.get(
        "",
        response_model=page,
        responses=CONDITIONAL,
        summary=f"List {name}",
        description=f"{collection.row.purpose} Filters are combined with AND.",
        operation_id=f"list_{name}",
    )
    def list_rows(
        request: Request,
        session: ReadSession,
        version: DatasetVersion,
        query: Annotated[parameters, Query()],  # type: ignore[valid-type]
    ) -> Any:
        return page_answer(request, session, collection, query, version)

    @router.get(
        "/fields",
        summary=f"The fields of {name}, and how they can be searched",
        operation_id=f"describe_{name}",
    )
    def describe() -> CollectionFields:
        return collection_fields(collection)

    key_name = collection.public_key
    if name in OWN_ROUTERS or key_name is None:
        return router

    @router.get(
        "/{key}",
        response_model=document,
        responses=CONDITIONAL,
        summary=f"One of the {name}, by its {key_name}",
        operation_id=f"get_{name.removesuffix('s')}",
    )
    def get_row(
        request: Request,
        session: ReadSession,
        key: Annotated[Text, Path(description=f"The {key_name} of the row.")],
    ) -> Response:
        return answer(request, read_one(session, collection, key).model_dump_json())

    return router


def part_of(stem: str, row: type[BaseModel]) -> type[BaseModel]:
    """Return a model with the fields of a row, all optional, as ``fields`` may select them."""
    part: dict[str, Any] = {
        name: (field.annotation, field.merge_field_infos(field, default=None))
        for name, field in row.model_fields.items()
    }
    return create_model(
        f"{stem}Part",
        __config__=ConfigDict(extra="forbid"),
        __doc__=f"The fields of a row that `fields` names. {row.__doc__}",
        **part,
    )


def collection_fields(collection: Collection[Any]) -> CollectionFields:
    """Return the fields of a collection and its filters."""
    return CollectionFields(
        name=collection.name,
        purpose=collection.row.purpose,
        fields=[
            FieldInfo.model_validate(
                {
                    **asdict(column),
                    "sortable": column.name in collection.sortable,
                    "facet": column.name in collection.facets,
                }
            )
            for column in collection.row.dictionary().values()
        ],
        filters=[
            FilterInfo(
                name=name,
                type=_TYPES[entry.type],
                meaning=entry.description,
                several=entry.many,
                choices=[*entry.choices],
                example=entry.example,
            )
            for name, entry in collection.filters.items()
        ],
        facets=[*collection.facets],
    )


def read_one(session: Session, collection: Collection[Any], key: str) -> BaseModel:
    """Return one entry of a collection.

    Raises:
        NotFoundError: it does not exist.
    """
    if collection.name not in DOCUMENTS:
        row: BaseModel = collection.get(session, key)
        return row
    model, _, to_document = DOCUMENTS[collection.name]
    found = session.get(model, key)
    if found is None:
        raise NotFoundError(f"{collection.name} holds no {key!r}")
    document: BaseModel = to_document(found)
    return document


#: Summaries of the energies that a search finds; before the route of one energy.
summaries = rest_router(prefix=f"{API}/energetics", tags=["energetics"])
_EnergyFilters: Any = create_model("EnergyFilters", **filter_fields(ENERGETICS))


@summaries.get(
    "/summary", summary="Ranges of the energies of each material", operation_id="summarize_energies"
)
def summarize_energies(
    session: ReadSession, version: DatasetVersion, query: Annotated[_EnergyFilters, Query()]
) -> Page[EnergySummary]:
    """Energies by material, quantity, scope, method and functional: smallest, largest, number.

    The filters are those of the list. Of a calculation with 64 hops, this is two rows: the hops,
    and the easiest path through the crystal.
    """
    found = energy_summaries(session, read_filters(ENERGETICS, query), MOST_ROWS)
    return Page[EnergySummary](
        data=found[:MOST_ROWS],
        total=len(found[:MOST_ROWS]),
        more_than_total=len(found) > MOST_ROWS,
        next_cursor=None,
        dataset_version=version,
    )


#: Routers with routes of collections that go before theirs.
_BEFORE = {"energetics": [summaries]}
ROUTERS = [
    router
    for each in LISTED.values()
    for router in (*_BEFORE.get(each.name, ()), collection_router(each))
]
