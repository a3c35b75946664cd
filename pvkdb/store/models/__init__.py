"""All models; importing the package imports its modules, which completes the metadata."""

from importlib import import_module
from pkgutil import iter_modules

from pvkdb.store.base import Base

__all__ = ["Base"]

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)
