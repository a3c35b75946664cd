"""Extras of pvkdb: the packages that each needs, and which of them are not installed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from pvkdb.errors import MissingExtraError

#: Distributions by their import packages, where the names differ.
_DISTRIBUTIONS = {"mcp-types": "mcp", "skfem": "scikit-fem", "sklearn": "scikit-learn"}
_DISTRIBUTIONS |= {"yaml": "pyyaml"}


def require(extra: str) -> None:
    """Check that all packages of an extra are installed, without importing them.

    Raises:
        MissingExtraError: some are not; names all of them.
    """
    if missing := _missing(extra):
        raise MissingExtraError(missing, extra)


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Name all missing packages of an extra if an import inside fails.

    Raises:
        MissingExtraError: a package is not installed.
    """
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        raise MissingExtraError(_missing(extra) or package, extra) from error


def extra_of(package: str) -> str | None:
    """Return the smallest extra that installs an import package; None if none does."""
    name = package.replace("_", "-").lower()
    name = _DISTRIBUTIONS.get(name, name)
    known = _packages()
    return min((e for e in known if name in known[e]), key=lambda e: len(known[e]), default=None)


def _packages() -> dict[str, list[str]]:
    from importlib import metadata  # takes longer than all else of the client

    found: dict[str, list[str]] = defaultdict(list)
    try:
        lines = metadata.requires("pvkdb") or []
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return found
    for line in lines:
        if wanted := re.match(r"([\w.-]+).*;.*extra == ['\"]([\w-]+)", line):
            found[wanted[2]].append(wanted[1].lower())
    return found


def _missing(extra: str) -> str:
    return ", ".join(each for each in _packages().get(extra, ()) if not _installed(each))


def _installed(distribution: str) -> bool:
    from importlib import metadata

    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
