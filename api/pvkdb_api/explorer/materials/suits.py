"""How far a material suits each application: its line of each ranking of materials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb_api.core.cache import QueryCache

#: Random weights and values behind the mean rank: enough for one digit, and quick.
SAMPLES = 200

_KEPT_FIELDS = (
    "rank",
    "shown",
    "expected",
    "possible",
    "coverage",
    "met",
    "unknown",
    "failures",
    "prediction",
    "mean_rank",
)


def applications() -> list[tuple[str, str]]:
    """Name and title of every application."""
    return [
        (name, suitability.shipped_profile(name).title) for name in suitability.shipped_profiles()
    ]


def standing(
    session: Session, counts: QueryCache, application: str, material: str
) -> dict[str, Any] | None:
    """The line of a material in the ranking of an application; None where it is not ranked.

    The whole ranking is made once for a state of the store.

    Raises:
        NotFoundError: there is no such application.
    """
    found: Mapping[str, dict[str, Any]] = counts.get(
        session, f"suitability/{application}", {}, lambda: _ranked(session, application)
    )
    return found.get(material)


def _ranked(session: Session, application: str) -> dict[str, dict[str, Any]]:
    options = suitability.Options(samples=SAMPLES, cross_checked=False)
    ranking = suitability.rank(session, application, "materials", options)
    total, criteria = len(ranking.candidates), sum(each.weight > 0 for each in ranking.criteria)
    return {
        entry.id: {
            **{name: getattr(entry, name) for name in _KEPT_FIELDS},
            "total": total,
            "criteria": criteria,
        }
        for entry in ranking.candidates
    }
