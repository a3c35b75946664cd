"""The README on the page of a package index, where paths of the repository lead nowhere.

Links become the names of their files, pictures are left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n+", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://)([^)]+)\)")


def without_paths(text: str) -> str:
    """Return a text in Markdown without pictures and links to files."""

    def named(link: re.Match[str]) -> str:
        return link[1] if link[1] == link[2] else f"{link[1]} (`{link[2]}`)"

    return _LINK.sub(named, _PICTURE.sub("", text))


class ReadmeOfPackage(MetadataHookInterface):
    """Sets the field ``readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Write the README into the metadata of the package."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": without_paths(text)}
