"""OPTIMADE on the store: filters become SQL, and rows become entries.

The specification is version 1.2 (https://specs.optimade.org). Grammar, models and validator are
those of optimade-python-tools; the backend is ours, since theirs know MongoDB and Elasticsearch
only. The package is an extra: without it the service runs without OPTIMADE.
"""

from __future__ import annotations

from importlib.util import find_spec

#: Prefix of the properties that pvkdb defines itself: ``_pvkdb_tau``.
PREFIX = "pvkdb"


def available() -> bool:
    """Whether optimade-python-tools is installed. Looks only; importing it takes half a second."""
    return find_spec("optimade") is not None
