"""Names that a package offers and loads when they are first used."""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; the module typing takes longer than ours
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def later(package: str, **modules: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package that offers names of its modules.

    Example:
        >>> later("pvkdb.crossbar", limits="largest_array read_margin")("read_margin").__name__
        'read_margin'
    """
    where = {name: module for module, names in modules.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{package}.{where[name]}"), name)

    return load
