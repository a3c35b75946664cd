"""What other packages add to pvkdb: operations and tables, by their entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import cache
from glob import glob
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pvkdb.errors import AddedError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def load(text: str) -> Any:
    """Return what ``module:name`` names."""
    module, _, name = text.partition(":")
    return getattr(import_module(module), name)


def additions(
    group: str, taken: Collection[str], ready: Callable[[Any], object] = bool
) -> tuple[dict[str, Any], list[AddedError]]:
    """Return the declarations that other packages add by their names, and which are broken.

    Args:
        group: of entry points, each of which is a sequence of declarations.
        taken: names that pvkdb has itself.
        ready: called with each declaration; raises where one cannot be used.
    """
    found: dict[str, Any] = {}
    broken = []
    for entry in _entry_points(group):
        package = entry.dist.name if entry.dist else entry.value
        try:
            for each in entry.load():
                if each.name in taken or each.name in found:
                    raise ValueError(f"there is another {each.name!r}")
                ready(each)
                found[each.name] = replace(each, package=package)
        except Exception as error:  # other packages raise what they want
            broken.append(AddedError(entry.name, package, error))
    return found, broken


def _entry_points(group: str) -> Iterable[EntryPoint]:
    # The list of commands would take a quarter longer with importlib.metadata, which few need.
    if group not in _groups(tuple(sys.path)):
        return ()
    from importlib.metadata import entry_points

    return entry_points(group=group)


@cache
def _groups(paths: tuple[str, ...]) -> list[str]:
    """Return the groups of pvkdb's entry points that installed packages have."""
    found = []
    for file in (each for path in paths for each in glob(f"{path}/*.dist-info/entry_points.txt")):
        with open(file, encoding="utf-8", errors="replace") as opened:
            found += [line.strip()[1:-1] for line in opened if line.startswith("[pvkdb.")]
    return found
