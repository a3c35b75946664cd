"""The four services on loopback, with answers of our own in the shapes that they document."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

DOI, OTHER = "10.1000/own.1", "10.1000/own.2"


def crossref_work(doi: str = DOI, **changes: Any) -> dict[str, Any]:
    """A work of Crossref."""
    return {
        "DOI": doi.upper(),
        "title": ["A memristor of CsPbBr<sub>3</sub>"],
        "author": [
            {"given": "Seung-Goo", "family": "Kim", "sequence": "first"},
            {"given": "J.M.", "family": "van Own"},
            {"name": "The Consortium"},
        ],
        "container-title": ["Journal of Examples"],
        "short-container-title": ["J. Ex."],
        "issued": {"date-parts": [[2024, 3]]},
        "volume": "7",
        "page": "11-19",
        "abstract": "<jats:p>The ITO/CsPbBr<jats:sub>3</jats:sub>/Ag device has an on/off ratio of "
        "10<jats:sup>6</jats:sup> &amp; a SET voltage of 0.4 V.</jats:p>",
        **changes,
    }


def crossref(doi: str = DOI, **changes: Any) -> dict[str, Any]:
    return {"status": "ok", "message-type": "work", "message": crossref_work(doi, **changes)}


def openalex(doi: str = DOI, **changes: Any) -> dict[str, Any]:
    """A work of OpenAlex, whose abstract has the places of each word."""
    return {
        "doi": f"https://doi.org/{doi}",
        "title": "A memristor of CsPbBr3",
        "publication_year": 2024,
        "authorships": [{"author": {"display_name": "Seung-Goo Kim"}}],
        "biblio": {"volume": "7", "first_page": "11", "last_page": "19"},
        "primary_location": {"source": {"display_name": "Journal of Examples"}},
        "is_retracted": False,
        "best_oa_location": None,
        "abstract_inverted_index": {"words": [1, 3], "Two": [0], "and": [2]},
        **changes,
    }


def europe_pmc(doi: str = DOI, **changes: Any) -> dict[str, Any]:
    paper = {
        "doi": doi,
        "pmcid": "PMC77",
        "title": "A memristor of CsPbBr3.",
        "authorList": {"author": [{"lastName": "Kim", "initials": "SG"}]},
        "journalInfo": {"volume": "7", "journal": {"isoabbreviation": "J Ex"}},
        "pubYear": "2024",
        "pageInfo": "11-19",
        "abstractText": "<h4>Abstract</h4>Kept by Europe PMC.",
        "isOpenAccess": "Y",
        "license": "cc by",
        "pubTypeList": {"pubType": ["Journal Article"]},
        **changes,
    }
    return {"hitCount": 1, "resultList": {"result": [paper]}}


def arxiv(number: str, more: str = "") -> str:
    return f"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>arXiv Query</title><entry xmlns:arxiv="http://arxiv.org/schemas/atom">
<id>http://arxiv.org/abs/{number}v2</id><published>2023-05-01T00:00:00Z</published>
<title>Vacancies of a
  halide</title><summary>They move.</summary><author><name>Rohit Abraham John</name></author>
{more}</entry></feed>"""


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
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.server.asked[path] += 1
        self.server.agents.add(self.headers["User-Agent"])
        answer = self.server.answers.get(path, self.server.answers.get(self.path, 404))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer == "hang":
            self.server.released.wait(20)
            return
        status, headers = (answer, {}) if isinstance(answer, int) else (200, {})
        if isinstance(answer, tuple):
            status, headers = answer
        body = b""
        if status == 200:
            text = answer if isinstance(answer, str | bytes) else json.dumps(answer)
            body = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass
