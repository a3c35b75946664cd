"""What a DFT program read and wrote, kept with its calculation.

A number that somebody doubts is looked up in the program's own output. Of a calculation that runs
it once or a few times every input and output is a file of its own; a relaxation or a band runs it
hundreds of times, whose earlier runs travel in one archive.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping

#: Runs whose files stand by themselves: the last ones, which for a failure tell why.
_BY_THEMSELVES = 3
#: Files from this size on are compressed, in bytes.
_LARGE = 32_768

EARLIER = "earlier-runs.tar"


class RunFiles:
    """Collects the files of one run after the other, compressed where they are large."""

    def __init__(self) -> None:
        self._runs: list[dict[str, bytes]] = []

    def add(self, files: Mapping[str, bytes]) -> None:
        """Files of a run by name, e.g. ``pw.out``; empty ones are left out."""
        self._runs.append(
            dict(_packed(name, content) for name, content in files.items() if content)
        )

    def files(self) -> dict[str, bytes]:
        """Everything so far, by name: ``pw-1.in``, ``pw-1.out``, counted from 1.

        Of more than three runs the last three; those before are in :data:`EARLIER`, an archive. The
        same runs give the same bytes.
        """
        numbered = [
            {_numbered(name, number): content for name, content in run.items()}
            for number, run in enumerate(self._runs, start=1)
        ]
        earlier = [item for run in numbered[:-_BY_THEMSELVES] for item in run.items()]
        kept = {EARLIER: _archive(earlier)} if earlier else {}
        for run in numbered[-_BY_THEMSELVES:]:
            kept.update(run)
        return kept


def _packed(name: str, content: bytes) -> tuple[str, bytes]:
    if len(content) < _LARGE:
        return name, content
    # Without a time in it, so that the same content has the same hash.
    return f"{name}.gz", gzip.compress(content, mtime=0)


def _numbered(name: str, number: int) -> str:
    stem, dot, rest = name.partition(".")
    return f"{stem}-{number}{dot}{rest}"


def _archive(files: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
