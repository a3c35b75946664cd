"""Query parameters of OPTIMADE, checked as the specification requires."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, Field

from pvkdb.errors import unknown_name
from pvkdb_api.optimade import foreign
from pvkdb_api.optimade.entries.properties import PerFrame
from pvkdb_api.optimade.entries.search import TOP_LEVEL, EntryType
from pvkdb_api.optimade.errors import OptimadeError, TooManyError, VersionError

#: Entries on a page, and at most.
PAGE_LIMIT, PAGE_LIMIT_MAX = 20, 500


class EntryQuery(BaseModel):
    """Query parameters of one entry."""

    response_format: str = Field(default="json", description="Only json.")
    email_address: str = Field(default="", max_length=320, description="Of the user; not used.")
    response_fields: str = Field(
        default="", max_length=8000, description="Properties to return, separated by commas."
    )
    include: str = Field(
        default="references",
        max_length=200,
        description="Related entries to add under included: references, or nothing.",
    )
    api_hint: str = Field(default="", max_length=40, description="Version wished for, e.g. v1.2.")


class ListingQuery(EntryQuery):
    """Query parameters of a list of entries."""

    filter: str = Field(default="", description="Filter in the language of OPTIMADE.")
    sort: str = Field(
        default="",
        max_length=1000,
        description="Properties to sort by, separated by commas; a minus in front: descending.",
    )
    page_limit: int = Field(
        default=PAGE_LIMIT,
        ge=0,
        description=f"Entries on a page, at most {PAGE_LIMIT_MAX}; 0 for the default.",
    )
    page_cursor: str | None = Field(
        default=None, max_length=8000, description="From links.next of the page before."
    )
    page_offset: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        default=0, description="Entries to skip."
    )
    page_number: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(
        default=None, description="Page by its number, from 1."
    )

    def limit(self) -> int:
        """Return the number of entries on the page.

        Raises:
            TooManyError: more than the service allows.
        """
        if self.page_limit > PAGE_LIMIT_MAX:
            raise TooManyError(
                f"page_limit {self.page_limit} is above {PAGE_LIMIT_MAX}; follow links.next for "
                "more",
                "page_limit",
            )
        return self.page_limit or PAGE_LIMIT

    def offset(self) -> int:
        """Return the number of entries to skip by page_offset or page_number; 0 with a cursor."""
        if self.page_cursor is not None:
            return 0
        if self.page_offset:
            return self.page_offset
        return ((self.page_number or 1) - 1) * self.limit()


def refuse_unknown(request: Request, known: Sequence[str]) -> list[str]:
    """Refuse unknown parameters; return warnings about parameters of other OPTIMADE providers.

    Raises:
        OptimadeError: a parameter does not exist, or is given twice.
    """
    warnings = []
    for name in request.query_params:
        if name in known:
            if len(request.query_params.getlist(name)) > 1:
                raise OptimadeError(f"{name!r} is given more than once; give it once", name)
        elif foreign(name) and re.fullmatch("[a-z_0-9]+", name):
            warnings.append(
                f"the query parameter {name} belongs to another provider and is not used"
            )
        else:
            raise OptimadeError(unknown_name("query parameter", name[:60], known), name[:60])
    return warnings


def check(query: EntryQuery) -> None:
    """Refuse formats, relationships and versions that the service lacks.

    Raises:
        OptimadeError: another format, or relationships that are not followed.
        VersionError: another major version.
    """
    if query.response_format not in ("", "json"):
        raise OptimadeError(
            f"the format {query.response_format!r} is not offered; use json", "response_format"
        )
    for name in names(query.include):
        if name != "references":
            raise OptimadeError(
                f"{name!r} cannot be included; include=references or include= can", "include"
            )
    if not query.api_hint:
        return
    hint = re.fullmatch(r"v(\d+)(\.\d+)?", query.api_hint)
    if hint is None:
        raise OptimadeError("api_hint reads like v1 or v1.2", "api_hint")
    if int(hint[1]) != 1:
        raise VersionError(f"version {hint[1]} is not served; version 1 is", "api_hint")


def response_fields(kind: EntryType, query: EntryQuery, warnings: list[str]) -> tuple[str, ...]:
    """Return the names of the requested properties; other providers' properties have no value.

    Raises:
        OptimadeError: a property does not exist.
    """
    wanted = names(query.response_fields)
    if not wanted:
        short = isinstance(query, ListingQuery)  # what is long only if it is asked for
        every = kind.properties.items()
        return tuple(name for name, each in every if not (short and isinstance(each, PerFrame)))
    for name in wanted:
        if name in kind.properties or name in TOP_LEVEL:
            continue
        if foreign(name):
            warnings.append(f"{name} belongs to another provider; it has no value here")
        else:
            raise OptimadeError(
                unknown_name("property", name[:60], kind.properties), "response_fields"
            )
    return tuple(dict.fromkeys(wanted))


def names(text: str) -> list[str]:
    """Return the names in a parameter, which commas separate."""
    return [name.strip() for name in text.split(",") if name.strip()]
