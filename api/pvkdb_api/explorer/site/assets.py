"""Static files of the pages, all from the package, and files that a browser saves."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import PlainTextResponse

from pvkdb_api.core.paths import ASSETS

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: The address contains a digest of the files, so browsers can keep them forever.
KEPT = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A static file, plain and compressed."""

    media_type: str
    plain: bytes

    @cached_property
    def packed(self) -> bytes:
        """The file compressed, when somebody first asks for it."""
        return gzip.compress(self.plain, 6, mtime=0)


@cache
def assets() -> dict[str, Asset]:
    """Return every file by its path below ``static``."""
    found = {}
    for path, file in _walk(files("pvkdb_api") / "explorer" / "static"):
        media_type = MEDIA_TYPES.get(f".{path.rpartition('.')[2]}")
        if media_type is not None:
            plain = file.read_bytes()
            found[path] = Asset(media_type, plain)
    return found


@cache
def digest() -> str:
    """Return a hash over the contents of all static files."""
    whole = hashlib.sha256()
    for path, asset in sorted(assets().items()):
        whole.update(path.encode() + b"\0" + asset.plain)
    return whole.hexdigest()[:12]


def asset_url(path: str) -> str:
    """Return the address of a file.

    Raises:
        KeyError: The file does not exist.
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
    """Return a static file; browsers do not cache it if its address has an old digest."""
    asset = assets().get(path)
    if asset is None:
        return PlainTextResponse("no such file", 404)
    headers = {
        "Cache-Control": KEPT if state == digest() else "no-cache",
        "Vary": "Accept-Encoding",
    }
    content = asset.plain
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        content, headers["Content-Encoding"] = asset.packed, "gzip"
    return Response(content, media_type=asset.media_type, headers=headers)


def download(name: str, content: bytes) -> Response:
    """Return a file that a browser saves under its name."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type="application/octet-stream", headers=headers)
