"""What the service says to programs, and what pages show, to hold one against the other."""

from __future__ import annotations

from typing import Any

import httpx

from ...patience import get


def ask(address: str, path: str, **parameters: Any) -> httpx.Response:
    """The answer to a request."""
    return get(f"{address}{path}", params=parameters or None)


def listed(address: str, path: str, **parameters: Any) -> dict[str, Any]:
    """A page of a collection."""
    page: dict[str, Any] = ask(address, f"/api/v1{path}", **{"limit": 500, **parameters}).json()
    return page


def rows(address: str, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of a page of a collection."""
    found: list[dict[str, Any]] = listed(address, path, **parameters)["data"]
    return found


def numbers(part: Any) -> list[float]:
    """The exact numbers that stand in a part of a page."""
    values: list[str] = part.locator("data").evaluate_all("all => all.map(each => each.value)")
    return [*map(float, values)]
