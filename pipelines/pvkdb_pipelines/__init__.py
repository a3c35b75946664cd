"""pvkdb_pipelines: structures, potentials, migration barriers, DFT and screenings.

``import pvkdb_pipelines`` is cheap: each function below is loaded when it is first used.

Example:
    >>> import pvkdb_pipelines as pipelines
    >>> from pvkdb.schemas.calculations.migration import NebRequest
    >>> request = NebRequest(formula="CsPbBr3", potential="chgnet")
    >>> run = pipelines.compute_migration(request)  # doctest: +SKIP
    >>> run.result.e_a_ev  # doctest: +SKIP
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; importing typing is slow
if TYPE_CHECKING:
    from typing import Any

    from pvkdb_pipelines.dft.codes.engines import load_engine
    from pvkdb_pipelines.dft.computing import compute_dft
    from pvkdb_pipelines.migration.compute import compute_migration
    from pvkdb_pipelines.potentials.loading import load_potential
    from pvkdb_pipelines.prototypes import build, candidates
    from pvkdb_pipelines.relaxations.compound import compute_relaxation
    from pvkdb_pipelines.relaxations.relaxation import relax
    from pvkdb_pipelines.relaxations.vacancy import compute_vacancies
    from pvkdb_pipelines.structures.user_structures import read_start

_MODULES = {
    "build": "prototypes",
    "candidates": "prototypes",
    "compute_dft": "dft.computing",
    "compute_migration": "migration.compute",
    "compute_relaxation": "relaxations.compound",
    "compute_vacancies": "relaxations.vacancy",
    "load_engine": "dft.codes.engines",
    "load_potential": "potentials.loading",
    "read_start": "structures.user_structures",
    "relax": "relaxations.relaxation",
}

__all__ = [
    "build",
    "candidates",
    "compute_dft",
    "compute_migration",
    "compute_relaxation",
    "compute_vacancies",
    "load_engine",
    "load_potential",
    "read_start",
    "relax",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
