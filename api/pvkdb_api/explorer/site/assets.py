"""What pages load: style, scripts and libraries, from the package and never from elsewhere."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import PlainTextResponse

from pvkdb_api.core.paths import ASSETS

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: The digest is part of the address, so that a browser never asks again for what has not changed.
KEPT = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    media_type: str
    plain: bytes
    packed: bytes


@cache
def assets() -> dict[str, Asset]:
    """Every file by its path below ``static``, read and packed once."""
    found = {}
    for path, file in _walk(files("pvkdb_api") / "explorer" / "static"):
        media_type = MEDIA_TYPES.get(f".{path.rpartition('.')[2]}")
        if media_type is not None:
            plain = file.read_bytes()
            found[path] = Asset(media_type, plain, gzip.compress(plain, 6, mtime=0))
    return found


@cache
def digest() -> str:
    """A name for the state of all files together."""
    whole = hashlib.sha256()
    for path, asset in sorted(assets().items()):
        whole.update(path.encode() + b"\0" + asset.plain)
    return whole.hexdigest()[:12]


def asset_url(path: str) -> str:
    """The address of a file.

    Raises:
        KeyError: there is no such file.
    """
    assets()[path]
    return f"{ASSETS}/{digest()}/{path}"


def _walk(folder: Traversable, above: str = "") -> list[tuple[str, Traversable]]:
    found = []
    for entry in folder.iterdir():
        path = f"{above}{entry.name}"
        found += _walk(entry, f"{path}/") if entry.is_dir() else [(path, entry)]
    return found


router = APIRouter(include_in_schema=False)


@router.get(ASSETS + "/{state}/{path:path}")
async def get_asset(
    request: Request, state: Annotated[str, Path()], path: Annotated[str, Path()]
) -> Response:
    """A file. One of another state, which an open page may still ask for, is not kept."""
    asset = assets().get(path)
    if asset is None:
        return PlainTextResponse("there is no such file", 404)
    headers = {
        "Cache-Control": KEPT if state == digest() else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(
            asset.packed,
            media_type=asset.media_type,
            headers={**headers, "Content-Encoding": "gzip"},
        )
    return Response(asset.plain, media_type=asset.media_type, headers=headers)
