"""The four services on loopback, which the tests of this folder ask in place of the real ones."""

from __future__ import annotations

import json
import threading
from collections import Counter
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

DOI, OTHER = "10.1000/own.1", "10.1000/own.2"


@cache
def shapes() -> dict[str, Any]:
    """What each service answers of a paper."""
    found: dict[str, Any] = yaml.safe_load(
        (Path(__file__).parents[3] / "data" / "papers.yaml").read_text(encoding="utf-8")
    )
    return found


def crossref(doi: str = DOI, **changes: Any) -> dict[str, Any]:
    return {"status": "ok", "message": {**shapes()["crossref"], "DOI": doi, **changes}}


def openalex(**changes: Any) -> dict[str, Any]:
    return {**shapes()["openalex"], **changes}


def europe_pmc(**changes: Any) -> dict[str, Any]:
    return {"resultList": {"result": [{**shapes()["europepmc"], **changes}]}}


class Library(ThreadingHTTPServer):
    """Answers by path: a body, a status, or a status with headers; lists are used up in turn."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.base = f"http://127.0.0.1:{self.server_address[1]}"
        self.answers: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()
        self.agents: set[str] = set()
        self.released = threading.Event()


class _Answers(BaseHTTPRequestHandler):
    server: Library

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked[path] += 1
        self.server.agents.add(self.headers["User-Agent"])
        answer = self.server.answers.get(path, 404)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer == "hang":
            self.server.released.wait(20)
            return
        status, headers = answer if isinstance(answer, tuple) else (200, {})
        if isinstance(answer, int):
            status, answer = answer, ""
        text = answer if isinstance(answer, str | bytes) else json.dumps(answer)
        body = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass
