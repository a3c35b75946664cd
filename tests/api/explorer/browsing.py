"""A browser without a window: what it sends with a form, and the cookies that it keeps."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from fastapi import FastAPI

from ..conftest import LOCAL

#: What a browser says of a page that it goes to.
_PAGE = {"Accept": "text/html,application/xhtml+xml"}


class Browser:
    """Sends requests to an application as a browser does; scheme and host are of ``base_url``."""

    def __init__(
        self, app: FastAPI, base_url: str = LOCAL, client: tuple[str, int] = ("127.0.0.1", 123)
    ) -> None:
        self.app, self.base_url, self.client = app, base_url, client
        self.cookies = httpx.Cookies()

    def send(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """A request with the cookies of this browser, whose answer may change them."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=self.client)
            async with httpx.AsyncClient(
                transport=transport, base_url=self.base_url, cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **rest)
                self.cookies = client.cookies
                return answer

        # In a thread of its own: where Playwright runs, this one has an event loop already.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(ask())).result()

    def open(self, path: str, status: int = 200, **headers: str) -> str:
        """A page, which must answer with a status; its text."""
        answer = self.send("GET", path, headers={**_PAGE, **headers})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("text/html")
        return answer.text

    def submit(
        self, path: str, fields: dict[str, str], files: Any = None, **headers: str
    ) -> httpx.Response:
        """Send a form as a page of the service does."""
        return self.send(
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
