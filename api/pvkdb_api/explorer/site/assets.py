"""Static files of the pages, all from the package, and files that a browser saves."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import as_file, files
from pathlib import PurePath
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from pvkdb_api.core.paths import ASSETS

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: The address contains a digest of the files, so browsers can keep them forever.
KEPT = "public, max-age=31536000, immutable"


@cache
def assets() -> dict[str, bytes]:
    """Return every file by its path below ``static``."""
    with as_file(files("pvkdb_api") / "explorer" / "static") as folder:
        found = (path for path in folder.rglob("*") if path.suffix in MEDIA_TYPES)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@cache
def _packed(path: str) -> bytes:
    """Return a file compressed, when somebody first asks for it."""
    return gzip.compress(assets()[path], 6, mtime=0)


@cache
def digest() -> str:
    """Return a hash over the contents of all static files."""
    whole = hashlib.sha256()
    for path, content in sorted(assets().items()):
        whole.update(path.encode() + b"\0" + content)
    return whole.hexdigest()[:12]


def asset_url(path: str) -> str:
    """Return the address of a file.

    Raises:
        KeyError: The file does not exist.
    """
    assets()[path]
    return f"{ASSETS}/{digest()}/{path}"


router = APIRouter(include_in_schema=False)


@router.get(ASSETS + "/{state}/{path:path}")
async def get_asset(request: Request, state: str, path: str) -> Response:
    """Return a static file; browsers do not cache it if its address has an old digest."""
    if path not in assets():
        return PlainTextResponse("no such file", 404)
    headers = {
        "Cache-Control": KEPT if state == digest() else "no-cache",
        "Vary": "Accept-Encoding",
    }
    content = assets()[path]
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        content, headers["Content-Encoding"] = _packed(path), "gzip"
    return Response(content, media_type=MEDIA_TYPES[PurePath(path).suffix], headers=headers)


def download(name: str, content: bytes) -> Response:
    """Return a file that a browser saves under its name."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type="application/octet-stream", headers=headers)
