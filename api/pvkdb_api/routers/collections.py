"""Listing and getting: one router for each collection of the store, made from its table entry."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.responses import Page
from pvkdb.schemas.tables import StructureDocument
from pvkdb.store.calculations import Calculation
from pvkdb.store.collection import Collection
from pvkdb.store.collections import COLLECTIONS
from pvkdb.store.rows import calculation_document, structure_document
from pvkdb.store.structures import Structure
from pvkdb_api.paths import API
from pvkdb_api.queries import Text, query_model, read_page
from pvkdb_api.sessions import DatasetVersion, ReadSession

#: Collections of which one entry is more than its row: model, document, and the way from one to
#: the other.
DOCUMENTS: dict[str, tuple[Any, type[BaseModel], Any]] = {
    "structures": (Structure, StructureDocument, structure_document),
    "calculations": (Calculation, CalculationDocument, calculation_document),
}

#: Collections whose entries have a router of their own.
OWN_ROUTERS = frozenset({"structures"})


def collection_router(collection: Collection[Any]) -> APIRouter:
    """``GET /NAME`` with the collection's filters, and ``GET /NAME/{key}``."""
    name = collection.name
    router = APIRouter(prefix=f"{API}/{name}", tags=[name])
    parameters = query_model(collection)
    document = DOCUMENTS[name][1] if name in DOCUMENTS else collection.row

    @router.get(
        "",
        response_model=Page[collection.row],  # type: ignore[name-defined]
        summary=f"List {name}",
        operation_id=f"list_{name}",
    )
    def list_rows(
        session: ReadSession,
        version: DatasetVersion,
        query: Annotated[parameters, Query()],  # type: ignore[valid-type]
    ) -> Any:
        return read_page(session, collection, query, version)

    if name in OWN_ROUTERS:
        return router

    @router.get(
        "/{key}",
        response_model=document,
        summary=f"One of the {name}, by its {collection.key.key}",
        operation_id=f"get_{name}",
    )
    def get_row(session: ReadSession, key: Annotated[Text, Path()]) -> Any:
        return read_one(session, collection, key)

    return router


def read_one(session: Session, collection: Collection[Any], key: str) -> BaseModel:
    """One entry of a collection, as a whole.

    Raises:
        NotFoundError: there is none.
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


ROUTERS = [collection_router(collection) for collection in COLLECTIONS.values()]
