"""Who is asking: from the headers of a request to a caller with scopes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import Request

from pvkdb.errors import AccessError
from pvkdb.schemas.access import KeyDocument, Scope
from pvkdb.store.security.keys import KeyRefusedError

#: Names under which only this machine reaches itself. Any web page can make a browser send
#: requests to 127.0.0.1, also under the page's own name (DNS rebinding); not under these.
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

#: Headers that say that somebody else sent the request on.
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class ScopeMissingError(AccessError):
    """The key holds, but does not allow this."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may do."""

    name: str
    address: str
    scopes: frozenset[Scope]
    key_id: str | None = None


def presented_key(request: Request) -> str | None:
    """The key that a request brings, or None.

    ``X-API-Key`` goes first, so that a proxy may use ``Authorization`` for itself. Other schemes
    than Bearer are none of ours.

    Raises:
        KeyRefusedError: several keys at once.
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


def key_caller(key: KeyDocument, address: str) -> Caller:
    """The caller with a key."""
    scopes = frozenset[Scope]().union(*(scope.included for scope in key.scopes))
    return Caller(f"key {key.id} ({key.name})", address, scopes, key.id)


def keyless_caller(request: Request, reading_open: bool, local_writes: bool) -> Caller:
    """The caller without a key: anybody, or who is alone on this machine."""
    address = address_of(request)
    if local_writes and is_local(request):
        return Caller("local", address, frozenset(Scope))
    return Caller("anonymous", address, frozenset({Scope.READ} if reading_open else ()))


def address_of(request: Request) -> str:
    """The network address of the caller; behind a trusted proxy, the one that it names."""
    return request.client.host if request.client is not None else "unknown"


def is_direct(request: Request) -> bool:
    """Whether a request comes from this machine, and was sent on by nobody who says so."""
    forwarded = any(name in request.headers for name in FORWARDED)
    return is_loopback(address_of(request)) and not forwarded


def is_local(request: Request) -> bool:
    """Whether a request comes from who uses this machine: sent on by nobody, under one of its
    own names, and not by a web page of another origin."""
    if not is_direct(request) or host_name(request.headers.get("host", "")) not in LOOPBACK_NAMES:
        return False
    origin = request.headers.get("origin")
    return origin is None or host_name(origin.rpartition("//")[2]) in LOOPBACK_NAMES


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own, 127.0.0.0/8 or ::1."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def network_of(address: str) -> str:
    """What one subscriber holds: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return address


def host_name(text: str) -> str:
    """Host of ``HOST:PORT``, brackets of IPv6 kept."""
    name, bracket, _ = text.partition("]")
    return (name + bracket if bracket else text.partition(":")[0]).lower()
