"""All models; importing them completes the metadata."""

from pvkdb.store.base import Base
from pvkdb.store.models import (
    access,
    calculations,
    devices,
    energetics,
    materials,
    references,
    reviewed,
    screenings,
    structures,
    summaries,
    summary_updates,
)

__all__ = [
    "Base",
    "access",
    "calculations",
    "devices",
    "energetics",
    "materials",
    "references",
    "reviewed",
    "screenings",
    "structures",
    "summaries",
    "summary_updates",
]
