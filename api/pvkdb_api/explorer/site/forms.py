"""Forms that write: nobody but a page of this service, in this browser, may send one.

Three things must hold. The browser says that the request comes from a page of this origin
(``Sec-Fetch-Site``, ``Origin``). The form carries a secret that also stands in a cookie, which no
other origin can read (a double submit). And the caller has the scope: by the key in the browser's
cookie, or since the service takes writes from this machine. Programs need none of this: what they
use, below ``/api``, never looks at a cookie.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.datastructures import UploadFile

from pvkdb.errors import AccessError
from pvkdb.schemas.access import Scope
from pvkdb.store.security.keys import KeyRefusedError
from pvkdb_api.core.callers import is_local

#: The hidden field of a form.
FIELD = "form_token"

#: Bytes of the secret of a browser.
_BYTES = 32

#: Largest text in a field, and most fields of a form; a structure may be pasted.
_LARGEST_FIELD = 1024 * 1024
_MOST_FIELDS = 100


class FormRefusedError(AccessError):
    """A form that no page of this service sent."""


class SignInError(KeyRefusedError):
    """A form that needs a key, with what was typed into it."""

    def __init__(self, message: str, typed: dict[str, str]) -> None:
        super().__init__(message)
        self.typed = typed


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent: texts, stripped, and the texts of files; empty ones are left out."""

    texts: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """A text; empty where none was given."""
        return self.texts.get(name, "")


def cookie_name(request: Request, name: str) -> str:
    """The name of a cookie: over TLS with the prefix that lets only this host set it."""
    return f"__Host-pvkdb_{name}" if request.url.scheme == "https" else f"pvkdb_{name}"


def set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    """Set a cookie that scripts cannot read and no other site makes a browser send."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def clear_cookie(request: Request, response: Response, name: str) -> None:
    """Have a browser forget a cookie."""
    response.delete_cookie(
        cookie_name(request, name),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


@pass_context
def form_field(context: Context) -> Markup:
    """The hidden field that each form with ``method="post"`` holds: ``{{ form_field() }}``."""
    request: Request = context["request"]
    secret = _secret(request)
    if secret is None:
        secret = request.state.new_form_secret = secrets.token_bytes(_BYTES)
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, _masked(secret))


def keep_secret(request: Request, response: Response) -> None:
    """Set the cookie of a page whose form is the first one in its browser."""
    new = getattr(request.state, "new_form_secret", None)
    if new is not None:
        set_cookie(request, response, "form", _text(new))


def posted(scope: Scope | None) -> Callable[[Request], Coroutine[Any, Any, Form]]:
    """The dependency of a route that takes a form; with a scope, of one that writes.

    It stands before the session among the parameters of the route. It raises:

    * :class:`FormRefusedError`: no page of this service sent it (403);
    * :class:`SignInError`: it needs a key (401);
    * :class:`AccessError`: the key lacks the scope (403).
    """

    async def check(request: Request) -> Form:
        _require_own_origin(request)
        form = await read_form(request)
        _require_token(request, form)
        typed = {name: text for name, text in form.texts.items() if name != FIELD}
        if scope is not None:
            _require_scope(request, scope, typed)
            request.state.granted = scope
        return Form(typed, form.files)

    return check


async def read_form(request: Request) -> Form:
    """What a request sent as a form.

    Raises:
        HTTPException: it cannot be read as one, or is too large.
    """
    texts: dict[str, str] = {}
    files: dict[str, str] = {}
    async with request.form(
        max_files=4, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_FIELD
    ) as sent:
        for name, value in sent.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read()
                if content:
                    files[name] = content.decode("utf-8", errors="replace")
            elif value.strip():
                texts[name] = value.strip()
    return Form(texts, files)


def _require_own_origin(request: Request) -> None:
    """Refuse what a browser says comes from elsewhere. Ports count: cookies do not heed them."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = request.headers.get("host", "")
    if site not in (None, "same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc.lower() != own.lower()
    ):
        raise FormRefusedError(
            "this form was sent by a page of another site, so nothing was done. Open the page "
            "here and send it again"
        )


def _require_token(request: Request, form: Form) -> None:
    secret = _secret(request)
    sent = _unmasked(form.get(FIELD))
    if secret is None or sent is None or not compare_digest(secret, sent):
        raise FormRefusedError(
            "this form does not belong to this browser (its cookie is missing or of another "
            "page), so nothing was done. Go back, load the page again, and send it again; this "
            "service needs its cookies for forms"
        )


def _require_scope(request: Request, scope: Scope, typed: dict[str, str]) -> None:
    caller = request.state.caller
    if scope in caller.scopes:
        return
    if caller.key_id is None:
        local = (
            ". If only you use this machine: pvkdb serve --allow-local-writes takes writes from "
            "it without one"
            if is_local(request)
            else ""
        )
        raise SignInError(f"this needs a key with the scope {scope.value}{local}", typed)
    held = ", ".join(sorted(caller.scopes))
    raise AccessError(
        f"the key {caller.key_id} has the scopes {held} and lacks {scope.value!r}; ask the "
        "operators of this service for a key with it"
    )


def _secret(request: Request) -> bytes | None:
    """The secret of the browser, from its cookie or from this page; None where it has none."""
    new: bytes | None = getattr(request.state, "new_form_secret", None)
    if new is not None:
        return new
    return _bytes(request.cookies.get(cookie_name(request, "form"), ""), _BYTES)


def _masked(secret: bytes) -> str:
    """The secret under a mask of its own: compressed beside what a page repeats of its address,
    the same text every time could be guessed from the length of the answer (BREACH)."""
    mask = secrets.token_bytes(_BYTES)
    return _text(mask + bytes(a ^ b for a, b in zip(mask, secret, strict=True)))


def _unmasked(text: str) -> bytes | None:
    both = _bytes(text, 2 * _BYTES)
    if both is None:
        return None
    return bytes(a ^ b for a, b in zip(both[:_BYTES], both[_BYTES:], strict=True))


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode("ascii").rstrip("=")


def _bytes(text: str, length: int) -> bytes | None:
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == length else None
