"""Requests to services that know papers: with a contact, not too fast, their answers kept on disk.

Pauses follow the services' rules: https://www.crossref.org/documentation/retrieve-metadata/rest-api,
https://developers.openalex.org, https://europepmc.org/RestfulWebService and
https://info.arxiv.org/help/api/tou.html (one request in three seconds).
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx

from pvkdb.client._io.answers import outside_reason
from pvkdb.client._io.carriers import Blocking
from pvkdb.client._io.service import Patience, Service
from pvkdb.client._io.steps import Send, Sleep
from pvkdb.errors import InputError, NotFoundError, ServiceError, writing

T = TypeVar("T")
#: By service: setting with its address, default address, and seconds between two requests.
SERVICES = {
    "Crossref": ("PVKDB_CROSSREF_URL", "https://api.crossref.org", 0.35),
    "OpenAlex": ("PVKDB_OPENALEX_URL", "https://api.openalex.org", 0.1),
    "Europe PMC": (
        *("PVKDB_EUROPEPMC_URL", "https://www.ebi.ac.uk/europepmc/webservices/rest"),
        0.2,
    ),
    "arXiv": ("PVKDB_ARXIV_URL", "https://export.arxiv.org", 3.0),
}
PATIENCE = Patience(retries=3, limit_s=120.0, max_answer_mb=50.0)
#: Days for which a kept answer is used; a paper may be retracted after it.
KEPT_DAYS = 30


class PaperService(Blocking):
    """One service. A folder keeps its answers, so that a command which broke off resumes."""

    def __init__(self, name: str, contact: str, kept: Path, patience: Patience = PATIENCE) -> None:
        """Open the service.

        Raises:
            InputError: the contact, or the address of the service, is not an address.
        """
        if not re.fullmatch(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", contact, re.ASCII):
            raise InputError(
                f"{contact!r} is not a contact address, which {name} requires; give yours with "
                "--mailto NAME@HOST, or set PVKDB_MAILTO"
            )
        setting, default, self._pause_s = SERVICES[name]
        service = Service(os.environ.get(setting) or default, None, patience, progress=False)
        agent = f"{service.headers['User-Agent']} (mailto:{contact})"
        headers = {**service.headers, "User-Agent": agent}
        http = httpx.Client(headers=headers, timeout=60, follow_redirects=True)
        super().__init__(service, http)
        self.name, self.close, self._kept, self._next = name, http.close, kept, 0.0
        self._key = os.environ.get("PVKDB_OPENALEX_KEY") if name == "OpenAlex" else None

    def read(self, path: str, parse: Callable[[bytes], T], **parameters: str) -> T:
        """Return what ``parse`` makes of the answer to a path or address.

        Raises:
            NotFoundError: the service does not know it.
            ServiceError: any other failure, with the name of the service.
        """
        own = f"{self._service.url}/"
        url = httpx.URL(path if "://" in path else own + path).copy_merge_params(parameters)
        if url.scheme != "https" and not str(url).startswith(own):
            raise ServiceError(f"{self.name} gives an address that is not https: {url}")
        file = self._kept / hashlib.sha256(str(url).encode()).hexdigest()
        is_kept = file.exists() and time.time() - file.stat().st_mtime < KEPT_DAYS * 86400
        if self._key and str(url).startswith(own):
            url = url.copy_merge_params({"api_key": self._key})
        try:
            content = (
                file.read_bytes() if is_kept else self._run(self._service.read(str(url))).content
            )
            found = parse(content)
        except ServiceError as error:
            if error.status == 404:
                raise NotFoundError(f"{self.name} does not know it") from error
            raise ServiceError(f"{self.name} {outside_reason(error)}", error.status) from error
        except (AttributeError, InputError, KeyError, TypeError, ValueError) as error:
            file.unlink(missing_ok=True)
            raise ServiceError(f"{self.name} gave an unreadable answer: {error}") from error
        if is_kept:
            return found
        with writing(file):  # whole files alone, also if the command is interrupted
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(".new")
            draft.write_bytes(content)
            draft.replace(file)
        return found

    def _carry_out(self, step: Send | Sleep) -> httpx.Response | None:
        if isinstance(step, Send):  # repetitions wait, too
            super()._carry_out(Sleep(max(0.0, self._next - time.monotonic())))
        try:
            return super()._carry_out(step)
        finally:
            if isinstance(step, Send):
                self._next = time.monotonic() + self._pause_s
