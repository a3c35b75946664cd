"""Sources of an import: a file, or the body of a request."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in memory, with a name and a content, that is opened like a path."""

    name: str
    content: bytes
    #: Files that it names and that were sent with it.
    others: Mapping[str, Upload] = field(default_factory=dict, compare=False)

    @property
    def suffix(self) -> str:
        """Extension of the name, with its dot."""
        return PurePath(self.name).suffix

    def open(self, mode: Literal["r", "rb"] = "r", **text: Any) -> Any:
        """Return the content as a stream, as :meth:`pathlib.Path.open` does."""
        stream = io.BytesIO(self.content)
        return stream if mode == "rb" else io.TextIOWrapper(stream, **text)


Source: TypeAlias = Path | Upload


def beside(source: Source, name: str) -> Source | None:
    """Return the file that a source names, from its folder or sent with it; None if missing."""
    if isinstance(source, Upload):
        return source.others.get(name)
    path = source.parent / name
    return path if path.is_file() else None
