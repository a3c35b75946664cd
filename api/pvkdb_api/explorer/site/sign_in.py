"""The API key of a browser: its cookie, and the page to sign in and out.

The cookie counts for pages only. Programs (``/api``, ``/optimade``) send keys in headers, so that
no web page can make a browser write there in somebody's name.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from pvkdb.schemas.access import Scope
from pvkdb.store.security.keys import KeyRefusedError, authenticate
from pvkdb_api.core.callers import KEY_COOKIE, cookie_name, local_caller, wants_page
from pvkdb_api.core.paths import SIGN_IN
from pvkdb_api.core.refusals import CHALLENGE, refuse
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.forms import Form, SignInError, posted, read_form
from pvkdb_api.explorer.site.rendering import page

router = APIRouter(include_in_schema=False)

#: Longest address to which signing in leads back.
_LONGEST = 4000


def _cookie(request: Request) -> dict[str, Any]:
    """Return the properties of the cookie that holds the API key.

    Scripts cannot read it, and no other site makes the browser send it.
    """
    return {
        "key": cookie_name(request, KEY_COOKIE),
        "path": "/",
        "secure": request.url.scheme == "https",
        "httponly": True,
        "samesite": "strict",
    }


async def ask_for_key(request: Request, reason: str, *, forget: bool = False) -> Response:
    """Return the sign-in page in place of the requested one, whose key is missing or invalid.

    Signing in leads back to the requested page; values typed into a form are in its address.
    """
    typed = {}
    if request.method == "POST":
        with suppress(HTTPException):  # not a form, or too large; the request is not used further
            typed = (await read_form(request)).texts
    return sign_in_page(request, reason, typed, forget=forget)


def show_sign_in_error(request: Request, error: Exception) -> Response:
    """Return the sign-in page for a form that needs a key."""
    assert isinstance(error, SignInError)
    text = str(error)
    if wants_page(request):
        return sign_in_page(request, f"{text[:1].upper()}{text[1:]}.", error.typed)
    return refuse(request, 401, text, headers=CHALLENGE)


def sign_in_page(
    request: Request,
    reason: str | None,
    typed: dict[str, str] | None = None,
    *,
    status: int = 401,
    forget: bool = False,
    after: str | None = None,
) -> Response:
    """Return the sign-in page with the form for a key; after signing in, ``after`` is opened."""
    key = None if forget else getattr(request.state, "key", None)
    caller = getattr(request.state, "caller", None)
    crossed = request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET"
    response = page(
        request,
        "key.html",
        status,
        CHALLENGE if status == 401 else None,
        reason=reason,
        after=local_address(_requested_page(request, typed or {}) if after is None else after),
        crossed=crossed,
        key=key,
        may_queue=caller is not None and Scope.QUEUE in caller.scopes,
        lost="cif" in (typed or {}),
    )
    if forget:
        response.delete_cookie(**_cookie(request))
    return response


def local_address(address: str) -> str:
    """Return the address if it surely belongs to this service, otherwise the start page's."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    if not plain or not address.startswith("/") or address.startswith("//"):
        return "/"
    return address


def _requested_page(request: Request, typed: dict[str, str]) -> str:
    """Return the address of the requested page; for a form, of its page with the typed values."""
    path = request.url.path
    if request.method == "POST":
        # A structure is too long for an address. The page of a button (cancel, retry) is one
        # level up.
        kept = {name: text for name, text in typed.items() if name != "cif"}
        path = path if kept else path.rsplit("/", 1)[0]
        query = urlencode(kept)
    else:
        query = request.url.query
    address = f"{path}?{query}" if query else path
    return address if len(address) <= _LONGEST else path


SentForm = Annotated[Form, Depends(posted(None))]


@router.get(SIGN_IN)
def get_key(request: Request) -> Response:
    """Return the page with this browser's key and its scopes, or the form to enter a key."""
    after = request.query_params.get("next", SIGN_IN)
    return sign_in_page(request, None, status=200, after=after)


@router.post(SIGN_IN)
def sign_in(request: Request, form: SentForm, session: ReadSession) -> Response:
    """Check a key and store it in the browser."""
    after, key = form.get("next"), form.get("key")
    try:
        if local_caller(request, key) is None:
            authenticate(session, key)
    except KeyRefusedError as error:
        text = str(error)
        return sign_in_page(request, f"{text[:1].upper()}{text[1:]}.", after=after)
    response = RedirectResponse(local_address(after or SIGN_IN), 303)
    response.set_cookie(value=key, **_cookie(request))  # until the browser is closed
    return response


@router.post(f"{SIGN_IN}/out")
def sign_out(request: Request, form: SentForm) -> Response:
    """Delete the key in the browser."""
    response = RedirectResponse(SIGN_IN, 303)
    response.delete_cookie(**_cookie(request))
    return response
