"""Force calls of each stage of pvkdb's own search, counted from outside."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from pvkdb_pipelines.migration.paths.nudging import relax_band
from pvkdb_pipelines.migration.paths.saddle import climb, descend
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.relaxations.relaxation import relax

#: Modules in which the stages of a search are called.
_PATHS_IN = "pvkdb_pipelines.migration."


@contextlib.contextmanager
def stages_counted(potential: Potential) -> Iterator[Counter[str]]:
    """Force calls of each stage of a search for a path."""
    counts: Counter[str] = Counter()
    modules = [module for name, module in sys.modules.items() if name.startswith(_PATHS_IN)]
    places = [
        (module, function.__name__, function)
        for function in (relax_band, climb, descend, relax)
        for module in modules
        if getattr(module, function.__name__, None) is function
    ]

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            before = potential.force_calls
            what = name
            if name == "relax_band":
                what = "whole band" if kwargs.get("climb") else f"band {args[2]}"
            elif name == "relax":
                what = str(kwargs["what"]).split(",")[0]
            try:
                return function(*args, **kwargs)
            finally:
                counts[what] += potential.force_calls - before

        return call

    for module, name, function in places:
        setattr(module, name, counted(name, function))
    try:
        yield counts
    finally:
        for module, name, function in places:
            setattr(module, name, function)
