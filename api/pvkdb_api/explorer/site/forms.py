"""Reading the forms of the pages, and refusing every form that another site sent.

A form is accepted only if the browser says in ``Sec-Fetch-Site`` or ``Origin`` that a page of this
origin sent it. Pages of other sites cannot change these headers. The caller must also have the
scope: by the API key in the browser's cookie, or because the service accepts writes from this
machine. Programs use ``/api``, where cookies are ignored, and need neither header.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from pvkdb.errors import AccessError
from pvkdb.schemas.access import Scope
from pvkdb.store.curation.sources import Upload
from pvkdb.store.security.keys import KeyRefusedError
from pvkdb_api.core.callers import ScopeMissingError, is_local, is_of_other_page
from pvkdb_api.frame.access import LOCALLY

#: Largest text in a field, and most files and fields of a form; a structure may be pasted.
_LARGEST_FIELD = 1024 * 1024
_MOST_FILES, _MOST_FIELDS = 40, 100


class FormRefusedError(AccessError):
    """The form was not sent by a page of this service."""


class SignInError(KeyRefusedError):
    """The form needs an API key; ``typed`` holds the values of its fields."""

    def __init__(self, message: str, typed: dict[str, str]) -> None:
        super().__init__(message)
        self.typed = typed


@dataclass(frozen=True, slots=True)
class Form:
    """The texts of a form's fields, stripped, and its uploaded files; empty ones are left out.

    ``files`` has the files as text, ``uploads`` as they are, several of a field in their order.
    """

    texts: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, list[Upload]] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return the text of a field; empty if the form has no such field."""
        return self.texts.get(name, "")


def posted(scope: Scope | None) -> Callable[[Request], Coroutine[Any, Any, Form]]:
    """Return the FastAPI dependency that reads a posted form; with a scope, it also requires it.

    Among the parameters of the route it comes before the session. It raises:

    * :class:`FormRefusedError`: a page of another site sent the form (403);
    * :class:`SignInError`: the form needs an API key (401);
    * :class:`ScopeMissingError`: the key lacks the scope (403).
    """

    async def check(request: Request) -> Form:
        _require_own_origin(request)
        form = await read_form(request)
        if scope is not None:
            _require_scope(request, scope, form.texts)
            request.state.granted = scope
        return form

    return check


async def read_form(request: Request) -> Form:
    """Return the form in the body of a request.

    Raises:
        HTTPException: the body is not a form, or is too large.
    """
    texts: dict[str, str] = {}
    files: dict[str, str] = {}
    uploads: dict[str, list[Upload]] = {}
    async with request.form(
        max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_FIELD
    ) as sent:
        for name, value in sent.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read()
                if content:
                    upload = Upload(PurePath(value.filename or name).name, content)
                    uploads.setdefault(name, []).append(upload)
                    files[name] = content.decode("utf-8", errors="replace")
            elif value.strip():
                texts[name] = value.strip()
    return Form(texts, files, uploads)


def _require_own_origin(request: Request) -> None:
    """Refuse a form unless the browser says that a page of this origin sent it.

    Every current browser sends at least one of the headers with a form; a request with neither is
    refused, because the cookie in it could come from anywhere.
    """
    if "sec-fetch-site" not in request.headers and "origin" not in request.headers:
        raise FormRefusedError(
            "the browser did not say which page sent this form (Origin, Sec-Fetch-Site), so "
            "nothing was changed. Use a current browser; programs use the REST service with a "
            "key in a header"
        )
    if is_of_other_page(request):
        raise FormRefusedError(
            "this form was sent by a page of another site, so nothing was changed. Open the page "
            "here and send the form again"
        )


def _require_scope(request: Request, scope: Scope, typed: dict[str, str]) -> None:
    caller = request.state.caller
    if scope in caller.scopes:
        return
    if caller.key_id is None:
        local = LOCALLY if is_local(request) else ""
        raise SignInError(f"this needs a key with the scope {scope.value}{local}", typed)
    raise ScopeMissingError(caller, scope)
