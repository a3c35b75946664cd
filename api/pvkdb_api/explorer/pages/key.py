"""The page of the API key of a browser: sign in, scopes, sign out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from pvkdb.store.security.keys import KeyRefusedError, authenticate
from pvkdb_api.core.paths import SIGN_IN
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.forms import Form, posted
from pvkdb_api.explorer.site.sign_in import forget_key, keep_key, local_address, sign_in_page

router = APIRouter(include_in_schema=False)

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
        authenticate(session, key)
    except KeyRefusedError as error:
        text = str(error)
        return sign_in_page(request, f"{text[:1].upper()}{text[1:]}.", after=after)
    response = RedirectResponse(local_address(after or SIGN_IN), 303)
    keep_key(request, response, key)
    return response


@router.post(f"{SIGN_IN}/out")
def sign_out(request: Request, form: SentForm) -> Response:
    """Delete the key in the browser."""
    response = RedirectResponse(SIGN_IN, 303)
    forget_key(request, response)
    return response
