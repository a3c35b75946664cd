"""A browser without a window: what it sends with a form, and the cookies that it keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from ..conftest import Api

#: What a browser says of a page that it goes to.
_PAGE = {"Accept": "text/html,application/xhtml+xml"}


@dataclass
class Browser(Api):
    """Sends requests to an application as a browser does; scheme and host are of ``base_url``."""

    cookies: httpx.Cookies | None = field(default_factory=httpx.Cookies)

    def open(self, path: str, status: int = 200, **headers: str) -> str:
        """A page, which must answer with a status; its text."""
        answer = self.request("GET", path, headers={**_PAGE, **headers})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("text/html")
        return answer.text

    def submit(
        self, path: str, fields: dict[str, str], files: Any = None, **headers: str
    ) -> httpx.Response:
        """Send a form as a page of the service does."""
        return self.request(
            "POST",
            path,
            data=fields,
            files=files,
            headers={**_PAGE, "Origin": self.base_url, "Sec-Fetch-Site": "same-origin", **headers},
        )

    def sign_in(self, key: str, after: str = "/key") -> httpx.Response:
        """Sign in with a key."""
        return self.submit("/key", {"key": key, "next": after})


def alert_in(text: str) -> str:
    """What a page complains of."""
    found = re.search(r'role="alert">(.*?)</(?:p|div)>', text, re.DOTALL)
    assert found is not None, text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found[1])).replace("&#39;", "'")
