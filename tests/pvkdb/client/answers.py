"""A service that gives the answers it was told to, to inject faults."""

from __future__ import annotations

from typing import Any

import httpx

from pvkdb.client import Client

EMPTY = {"data": [], "total": 0, "next_cursor": None, "dataset_version": "v1"}


class Told(httpx.MockTransport):
    """Gives these answers, the last one again and again; keeps the requests."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        super().__init__(self._answer)
        self.left = list(answers)
        self.requests: list[httpx.Request] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answering(*answers: httpx.Response | Exception, **options: Any) -> Client:
    """A client whose service gives these answers, the last one again and again."""
    return Client("http://service", transport=Told(*answers), **options)


def problem(status: int, detail: str, **headers: str) -> httpx.Response:
    content = {"title": "Refused", "status": status, "detail": detail}
    return httpx.Response(
        status, json=content, headers={"Content-Type": "application/problem+json", **headers}
    )


def page(rows: list[dict[str, Any]], total: int, cursor: str | None = None, version: str = "v1"):
    """A page of a collection."""
    return httpx.Response(
        200, json={"data": rows, "total": total, "next_cursor": cursor, "dataset_version": version}
    )
