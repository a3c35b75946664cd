"""Whether a request comes from a program or from a person with a browser."""

from __future__ import annotations

from starlette.requests import Request

from pvkdb_api.core.paths import OPTIMADE, SIGN_IN

#: Prefixes of the interfaces for programs. Cookies of browsers are ignored there.
_PROGRAMS = ("/api", OPTIMADE, "/openapi.json", "/metrics", "/healthz", "/livez", "/readyz")

#: The cookie that holds the API key of a browser; see :func:`cookie_name`.
KEY_COOKIE = "key"


def for_programs(request: Request) -> bool:
    """Return whether the requested path belongs to an interface for programs."""
    return request.url.path.startswith(_PROGRAMS)


def wants_page(request: Request) -> bool:
    """Return whether a person will read the answer, so that errors are shown as pages."""
    return not for_programs(request) and "text/html" in request.headers.get("accept", "")


def cookie_name(request: Request, name: str) -> str:
    """Return the full name of a cookie; over TLS it begins with ``__Host-``."""
    return f"__Host-pvkdb_{name}" if request.url.scheme == "https" else f"pvkdb_{name}"


def browser_key(request: Request) -> str | None:
    """Return the API key in the cookie of a request for a page, or None."""
    if for_programs(request) or (request.url.path.startswith(SIGN_IN) and request.method == "POST"):
        return None
    return request.cookies.get(cookie_name(request, KEY_COOKIE))
