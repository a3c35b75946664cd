"""The start page, the search, REST operations with their forms, and the types of problems."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import nullcontext
from enum import Enum
from http import HTTPStatus
from typing import Annotated, Any, get_args, get_origin

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from markupsafe import Markup
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy import ColumnElement, func, or_
from sqlalchemy.orm import Session

from pvkdb.display.numbers import short_number
from pvkdb.errors import InputError, NotFoundError, unknown_name
from pvkdb.operations import Operation, declared, fields_of
from pvkdb.operations.fields import Text, kind_of, plain_kind, served_model
from pvkdb.operations.other_packages import load
from pvkdb.schemas import validated
from pvkdb.schemas.access import Scope
from pvkdb.schemas.tables import TABLES
from pvkdb.store.collections import COMPOSITIONS, DEVICE_CLAIMS, DEVICES, REFERENCES
from pvkdb.store.collections.collection import Collection
from pvkdb.store.files.bibliography import author_year
from pvkdb.store.models.devices import Device, DeviceClaim
from pvkdb.store.models.references import Reference
from pvkdb.store.models.summaries import CompositionSummary
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.callers import is_local
from pvkdb_api.core.problem_types import PATH, PROBLEM_TYPES
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.compositions.identity import canonical_name, named
from pvkdb_api.explorer.site.datasets import live_croissant, whole_dataset
from pvkdb_api.explorer.site.forms import require_scope
from pvkdb_api.explorer.site.overview import KINDS, applications, energy_overview, table_counts
from pvkdb_api.explorer.site.rendering import link, page
from pvkdb_api.explorer.tables.cells import energy, heading
from pvkdb_api.listing.parameters import LONGEST_LIST

router = APIRouter(include_in_schema=False)

#: Most rows of a group on the page; its table shows all.
SHOWN = 20

#: Between the names of what is compared.
_AGAINST = re.compile(r" (?:vs\.?|versus) ", re.IGNORECASE)
_DOI = "https://doi.org/"
#: The end of the label of a citation: Li 2022.
_YEAR = re.compile(r" ([12]\d{3})$")


@router.get("/")
def get_start(request: Request, session: ReadSession) -> Response:
    """Return the start page: three entry points, the size of the store, and the energy plot."""
    counts: QueryCache = request.app.state.query_cache
    return page(
        request,
        "start.html",
        dataset=whole_dataset(request),
        applications=applications(),
        table_counts=table_counts(counts, session),
        energy=energy,
        optimade=request.app.state.optimade_path,
        kinds=KINDS,
        overview=counts.get(session, "overview", {}, lambda: energy_overview(session)),
    )


@router.get("/croissant.json")
def get_croissant(request: Request, session: ReadSession) -> Response:
    """Return the description of all tables for programs that load data sets."""
    return JSONResponse(live_croissant(request), media_type="application/ld+json")


@router.get("/find")
def get_found(
    request: Request,
    session: ReadSession,
    q: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    """Return the results of a search; redirect to the only exact match, or to a comparison."""
    text = " ".join(q.split())
    if len(names := _AGAINST.split(text)) > 1:
        kind = "materials" if all(map(canonical_name, names)) else "devices"
        return RedirectResponse(link("/compare", **{kind: ",".join(names)}), HTTPStatus.SEE_OTHER)
    found, exact = find(session, text) if text else (None, None)
    if exact is not None:
        return RedirectResponse(exact, HTTPStatus.SEE_OTHER)
    return page(request, "find.html", text=text, found=found)


@router.get("/docs")
def get_operations(request: Request, session: ReadSession) -> Response:
    """Return the page of all REST operations with their parameters."""
    description = request.app.openapi()
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in description["paths"].items():
        for method, entry in methods.items():
            tag = entry.get("tags", ["other"])[0]
            by_tag.setdefault(tag, []).append((method.upper(), path, entry))
    return page(
        request,
        "operations.html",
        info=description["info"],
        operations=by_tag,
        forms={f"get_{name}": name for name in _with_form()},
        type_text=_type_text,
        tables=[*TABLES],
        optimade=request.app.state.optimade_path,
    )


@router.get("/operations/{name}")
def get_operation(request: Request, session: ReadSession, name: Text) -> Response:
    """Return the form of an operation that reads; the results of what is given come first.

    An operation of another package needs what its route needs: this machine, or the scope queue.

    Raises:
        NotFoundError: there is no such operation; names the nearest one.
        SignInError: the operation of another package needs a key.
    """
    known = _with_form()
    if name not in known:
        raise NotFoundError(unknown_name("operation", name, known))
    operation, texts = known[name], request.query_params
    if operation.package and not is_local(request):
        require_scope(request, Scope.QUEUE, {})
    with operation.alone():
        model: Any = operation.request_model()
        result_model = load(operation.result)
    given = {
        key: texts.getlist(key) if _is_list(model, key) else text
        for key, text in texts.items()
        if text.strip()
    }
    results: list[BaseModel] = []
    refusal = None
    try:
        if given:
            asked = validated(served_model(model), given)
            found = operation.run(asked, lambda: nullcontext(session))
            results = found if operation.many else [found]
    except (InputError, NotFoundError) as error:
        refusal = str(error)
    return page(
        request,
        "operation.html",
        HTTPStatus.OK if refusal is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        operation=operation,
        title=operation.name.replace("_", " ").capitalize(),
        fields=[_form_field(key, each, texts.get(key)) for key, each in fields_of(model).items()],
        columns=result_model.model_fields,
        results=[
            {key: _shown(value) for key, value in each.model_dump(mode="json").items()}
            for each in results
        ],
        refusal=refusal,
    )


def _with_form() -> dict[str, Operation]:
    """Return the operations that answer a GET request from a form, by their names."""
    return {
        each.name: each
        for each in declared().values()
        if each.request and each.verb == "GET" and not (each.queued or each.scope)
    }


def _is_list(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and get_origin(plain_kind(kind_of(field))) is list


def _form_field(name: str, field: FieldInfo, text: str | None) -> dict[str, Any]:
    """Return what the form shows of a field of a request, with what was given or its default."""
    kind = kind_of(field)
    choices = ("true", "false") if kind is bool else get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        choices = tuple(each.value for each in kind)
    default = None if field.is_required() or field.default is None else str(field.default)
    return {
        "name": name,
        "label": heading(name),
        "help": field.description,
        "required": field.is_required(),
        "choices": choices if all(isinstance(each, str) for each in choices) else (),
        "text": (default or "" if text is None else text)[:LONGEST_LIST],
        "example": next(iter(field.examples or ()), ""),
    }


def _shown(value: Any) -> str:
    """Return a value of a result as text; lists and objects as JSON."""
    if value is None or isinstance(value, float):
        return short_number(value)
    if isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False, indent=2)
        return Markup("<pre>{}</pre>").format(text)
    return str(value)


@router.get(PATH + "/{name}")
def get_problem(request: Request, name: str) -> Response:
    """Return the page of a type of problem."""
    known = {each.name: each for each in PROBLEM_TYPES.values()}
    if name not in known:
        raise NotFoundError(unknown_name("type of problem", name[:60], known))
    found = known[name]
    return page(request, "problem.html", title=HTTPStatus(found.status).phrase, found=found)


def _type_text(schema: Mapping[str, Any]) -> str:
    """Return the type of an OpenAPI schema in words."""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(
            _type_text(entry) for entry in schema["anyOf"] if entry.get("type") != "null"
        )
    kind = str(schema.get("type", ""))
    if "minimum" in schema and "maximum" in schema and schema["maximum"] < 2**31 - 1:
        return f"{kind}, {schema['minimum']} to {schema['maximum']}"
    return kind


def find(session: Session, text: str) -> tuple[dict[str, dict[str, Any]], str | None]:
    """Return what matches a text: the first rows, their number and the address of all of them.

    It is by collection: compositions, devices and references. The other value is the page of the
    only exact match, if there is one.

    Compositions match by any spelling of their formula or of the name of a phase, and by the
    abbreviation or name of an ion; devices by name, stack or absorber, and by the name of a figure
    of the text; references by key, DOI, author and year, and words of title, authors and journal.
    """
    material = named(session, text)
    composition = CompositionSummary.formula == (material[0] if material else text)
    doi = text.removeprefix(_DOI).lower()
    device = func.lower(Device.id) == text.lower()
    claim = func.lower(DeviceClaim.id) == text.lower()
    reference = or_(func.lower(Reference.key) == text.lower(), func.lower(Reference.doi) == doi)
    if year := _YEAR.search(text):
        of_year = REFERENCES.iterate(session, {"year_min": int(year[1]), "year_max": int(year[1])})
        labels = {row.key: author_year(row.key, row.authors, row.year) for row in of_year}
        keys = [key for key, each in labels.items() if each.lower() == text.lower()]
        reference = or_(reference, Reference.key.in_(keys))
    exact = [
        *([link("/compositions", material[0], phase=material[1])] if material else []),
        *(link("/devices", row.id) for row in _rows(session, DEVICES, device)),
        *(link("/devices", row.id) for row in _rows(session, DEVICE_CLAIMS, claim)),
        *(link("/references", row.key) for row in _rows(session, REFERENCES, reference)),
    ]
    absorber = DEVICES.condition("absorber", (text,))
    # Long words in any of their forms: synapse, synaptic.
    stems = " ".join(
        each[:-2] if len(each) > 6 and each.isalpha() else each for each in text.split()
    )
    groups = {
        "compositions": _group(session, COMPOSITIONS, text, composition),
        "devices": _group(session, DEVICES, text, or_(device, absorber)),
        "references": _group(session, REFERENCES, stems, reference),
    }
    return groups, exact[0] if len(exact) == 1 else None


def _rows(
    session: Session, collection: Collection[Any], condition: ColumnElement[bool]
) -> list[Any]:
    return collection.find(session, collection.current().where(condition), SHOWN).rows


def _group(
    session: Session, collection: Collection[Any], text: str, exact: ColumnElement[bool]
) -> dict[str, Any]:
    """Return the rows that match exactly or contain the words."""
    either = collection.current().where(or_(exact, collection.condition("q", text)))
    return {
        "rows": collection.find(session, either, SHOWN).rows,
        "total": collection.count(session, either),
        "address": link(f"/{collection.name}", q=text),
    }
