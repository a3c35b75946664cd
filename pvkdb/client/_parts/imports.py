"""Papers to be imported: from a file or a mapping to what is sent. No other I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pvkdb.errors import InputError

#: Media types by the endings of files.
MEDIA_TYPES = {
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".json": "application/json",
    ".csv": "text/csv",
}


def read_document(document: Path | str | Mapping[str, Any]) -> tuple[str, str, str]:
    """Name, media type and content of a paper.

    Raises:
        InputError: the file cannot be read, or a value is none that JSON knows.
    """
    if isinstance(document, Mapping):
        try:
            return "paper", "application/json", json.dumps(document, ensure_ascii=False, indent=1)
        except (TypeError, ValueError) as error:
            raise InputError(f"the paper cannot be sent as JSON: {error}") from error
    path = Path(document)
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise InputError(f"{path.name!r} cannot be imported; its name must end in "
                         f"{', '.join(MEDIA_TYPES)}")  # fmt: skip
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise InputError(f"{path} cannot be read: {reason}") from error
    name = re.sub(r"[^A-Za-z0-9_-]", "-", path.stem)[:60].lstrip("-_") or "paper"
    return name, media_type, content
