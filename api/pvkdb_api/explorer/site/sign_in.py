"""The key in a browser: which one it brings, and the page that asks for one.

A key stands in a cookie that counts for pages alone. What programs use (``/api``, ``/optimade``)
takes keys in headers only, so that no web page can make a browser write there in somebody's name.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pvkdb.schemas.access import Scope
from pvkdb_api.explorer.site.errors import for_programs
from pvkdb_api.explorer.site.forms import clear_cookie, cookie_name, read_form, set_cookie

#: Where the form for a key stands.
PATH = "/key"

#: The cookie, see :func:`pvkdb_api.explorer.site.forms.cookie_name`.
_COOKIE = "key"

#: Longer addresses than this are not carried through signing in.
_LONGEST = 4000


def browser_key(request: Request) -> str | None:
    """The key that a browser brings to a page."""
    if for_programs(request) or (request.url.path.startswith(PATH) and request.method == "POST"):
        return None
    return request.cookies.get(cookie_name(request, _COOKIE))


def keep_key(request: Request, response: Response, key: str) -> None:
    """Keep a key in the browser, until that is closed."""
    set_cookie(request, response, _COOKIE, key)


def forget_key(request: Request, response: Response) -> None:
    """Have the browser forget its key."""
    clear_cookie(request, response, _COOKIE)


async def sign_in_page(request: Request, reason: str, *, forget: bool = False) -> Response:
    """The page for who needs a key, or whose key does not hold, instead of the one asked for.

    What was typed into a form is in the address to which signing in leads.
    """
    typed = {}
    if request.method == "POST":
        try:
            typed = (await read_form(request)).texts
        except HTTPException:  # no form, or too large; nothing of it was used
            typed = {}
    return asking(request, reason, typed, forget=forget)


def asking(
    request: Request,
    reason: str | None,
    typed: dict[str, str] | None = None,
    *,
    status: int = 401,
    forget: bool = False,
    after: str | None = None,
) -> Response:
    """The page with the form for a key; ``after`` is where it leads."""
    from pvkdb_api.explorer.site.rendering import page
    from pvkdb_api.frame.problems import CHALLENGE

    key = None if forget else getattr(request.state, "key", None)
    caller = getattr(request.state, "caller", None)
    crossed = request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET"
    response = page(
        request,
        "key.html",
        status,
        CHALLENGE if status == 401 else None,
        reason=reason,
        after=local_address(_here(request, typed or {}) if after is None else after),
        crossed=crossed,
        key=key,
        may_queue=caller is not None and Scope.QUEUE in caller.scopes,
        lost="cif" in (typed or {}),
    )
    if forget:
        forget_key(request, response)
    return response


def local_address(address: str) -> str:
    """An address of this service; whatever might lead elsewhere becomes the first page."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    if not plain or not address.startswith("/") or address.startswith("//"):
        return "/"
    return address


def _here(request: Request, typed: dict[str, str]) -> str:
    """The page that was asked for; of a form, the one with the form, as it was filled in."""
    path = request.url.path
    if request.method == "POST":
        # A structure is too long for an address; buttons (cancel, retry) stand on the page above.
        kept = {name: text for name, text in typed.items() if name not in ("cif", "form_token")}
        path = path if kept else path.rsplit("/", 1)[0]
        query = urlencode(kept)
    else:
        query = request.url.query
    address = f"{path}?{query}" if query else path
    return address if len(address) <= _LONGEST else path
