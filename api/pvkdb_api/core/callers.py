"""The caller of a request, a program or a person with a browser, and its scopes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from starlette.requests import Request

from pvkdb.errors import AccessError
from pvkdb.schemas.access import KeyDocument, Scope
from pvkdb.store.security.keys import KeyRefusedError
from pvkdb_api.core.paths import OPTIMADE, SIGN_IN

_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]*)(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}

#: Headers of a request that a proxy has forwarded begin so; no browser or client sends them itself.
_FORWARDED = re.compile(
    "forwarded|via|x-forwarded|x-real-ip|x-client-ip|x-cluster-client-ip|"
    "x-original-|x-envoy-|cf-|cdn-|true-client-ip|fastly-"
)

#: Prefixes of the interfaces for programs. Cookies of browsers are ignored there.
_PROGRAMS = ("/api", OPTIMADE, "/openapi.json", "/metrics", "/healthz", "/livez", "/readyz")

#: The cookie that holds the API key of a browser; see :func:`cookie_name`.
KEY_COOKIE = "key"


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller: name, network address and scopes."""

    name: str
    address: str
    scopes: frozenset[Scope]
    key_id: str | None = None


class ScopeMissingError(AccessError):
    """The key is valid, but lacks the scope."""

    def __init__(self, caller: Caller, scope: Scope) -> None:
        held = ", ".join(sorted(caller.scopes))
        super().__init__(
            f"the key {caller.key_id} has the scopes {held} and lacks {scope.value!r}; ask the "
            "operators of this service for a key with it"
        )


def presented_key(request: Request) -> str | None:
    """Return the key in the headers of a request, or None.

    ``X-API-Key`` goes first, so that a proxy can use ``Authorization`` itself. Schemes other than
    Bearer are ignored.

    Raises:
        KeyRefusedError: there are several keys.
    """
    for name in ("x-api-key", "authorization"):
        values = request.headers.getlist(name)
        if len(values) > 1:
            raise KeyRefusedError(f"the header {name} is given more than once; give one key")
        if values and name == "x-api-key":
            return values[0].strip()
        if values:
            scheme, _, credentials = values[0].partition(" ")
            return credentials.strip() if scheme.lower() == "bearer" else None
    return None


def for_programs(request: Request) -> bool:
    """Return whether the requested path belongs to an interface for programs, e.g. REST."""
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


def key_caller(key: KeyDocument, address: str) -> Caller:
    """Return the caller who sent this key."""
    scopes = frozenset[Scope]().union(*(scope.included for scope in key.scopes))
    return Caller(f"key {key.id} ({key.name})", address, scopes, key.id)


def keyless_caller(request: Request, reading_open: bool) -> Caller:
    """Return the anonymous caller of a request without a key."""
    scopes = frozenset({Scope.READ} if reading_open else ())
    return Caller("anonymous", address_of(request), scopes)


def local_caller(request: Request, key: str) -> Caller | None:
    """Return the user of this machine, who sends the local key of this start; otherwise None.

    The place of a request alone is no proof: a proxy on this machine may add no header to it.
    """
    known = request.app.state.local_key
    if known and compare_digest(key.encode(), known.encode()) and is_local(request):
        return Caller("local", address_of(request), frozenset(Scope))
    return None


def address_of(request: Request) -> str:
    """Return the network address of the caller, as a trusted proxy reports it if there is one."""
    return request.client.host if request.client is not None else "unknown"


def is_direct(request: Request) -> bool:
    """Return whether a request comes from this machine and no proxy forwarded it."""
    forwarded = any(map(_FORWARDED.match, request.headers))
    return is_loopback(address_of(request)) and not forwarded


def is_local(request: Request) -> bool:
    """Return whether a request comes from a user of this machine.

    No proxy forwarded it, no page of another origin sent it, and its host is a name of this
    machine: a web page can make a browser send requests to 127.0.0.1 under the page's own name
    (DNS rebinding), but not under these.
    """
    return serves_this_machine(request) and not is_of_other_page(request)


def serves_this_machine(request: Request) -> bool:
    """Return whether a request reached the service from this machine under a name of it."""
    own = served_origin(request)
    if own is None or not is_direct(request):
        return False
    return own.host == "localhost" or is_loopback(own.host.strip("[]"))


class Origin(NamedTuple):
    """An origin of web pages: scheme, host (IPv6 in brackets) and port."""

    scheme: str
    host: str
    port: int


def parse_origin(text: str) -> Origin | None:
    """Return the origin written as ``SCHEME://HOST:PORT``, or None if it is malformed."""
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        return None
    port = int(match["port"] or _DEFAULT_PORTS.get(match["scheme"], 0))
    return Origin(match["scheme"], match["host"], port) if port < 2**16 else None


def served_origin(request: Request) -> Origin | None:
    """Return the origin under which a request reached this service; None if Host is malformed."""
    hosts = request.headers.getlist("host")
    return parse_origin(f"{request.scope['scheme']}://{hosts[0] if hosts else ''}")


def is_of_other_page(request: Request) -> bool:
    """Return whether the browser says that a page of another origin sent a request.

    Scheme, host and port must be those of this service: browsers send cookies to every port of a
    host. Programs send neither header.
    """
    sites = request.headers.getlist("sec-fetch-site")
    origins = map(parse_origin, request.headers.getlist("origin"))
    own = served_origin(request)
    return any(site not in ("same-origin", "none") for site in sites) or any(
        origin is None or origin != own for origin in origins
    )


def is_loopback(address: str) -> bool:
    """Return whether an address is a loopback address, 127.0.0.0/8 or ::1."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def network_of(address: str) -> str:
    """Return the network that is limited as one caller: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return address
