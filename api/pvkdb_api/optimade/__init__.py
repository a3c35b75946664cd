"""OPTIMADE on the store: filters become SQL, and rows become entries.

The specification is version 1.2 (https://specs.optimade.org). Grammar, models and validator come
from optimade-python-tools; the backend is ours, since theirs support MongoDB and Elasticsearch
only. That package is an extra: without it the service runs without OPTIMADE.
"""

from __future__ import annotations

from importlib.util import find_spec

#: Prefix of the properties that pvkdb defines, as in ``_pvkdb_tau``.
PREFIX = "pvkdb"


def foreign(name: str) -> bool:
    """Return whether a property or parameter has the prefix of another provider."""
    return name.startswith("_") and not name.startswith(f"_{PREFIX}_")


def available() -> bool:
    """Return whether optimade-python-tools is installed, without the slow import."""
    return find_spec("optimade") is not None
