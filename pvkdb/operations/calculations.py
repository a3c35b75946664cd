"""Calculations of ``pvkdb_pipelines``: the service and the clients know them without loading it."""

from __future__ import annotations

from typing import Any

from pvkdb.operations import Kind, Operation

_SCHEMAS = "pvkdb.schemas.calculations"


def _kind(name: str, title: str, models: str, computed: str, **more: Any) -> Kind:
    """Return a kind whose models are called ``models`` with Request and Result."""
    return Kind(
        name=name,
        title=title,
        request=f"{_SCHEMAS}.{models}Request",
        result=f"{_SCHEMAS}.{models}Result",
        computed=f"pvkdb_pipelines.{computed}",
        **more,
    )


def _relaxation(name: str, title: str, model: str, computed: str) -> Kind:
    return _kind(name, title, f"relaxations:{model}", computed, potential=True)


def _dft(name: str, title: str, model: str) -> Kind:
    return _kind(f"dft-{name}", title, f"dft:{model}", "dft.computing:compute_dft")


KINDS = (
    _relaxation("relax", "Relaxation", "Relax", "relaxations.compound:compute_relaxation"),
    _relaxation(
        "element", "Relaxation of an element", "Element", "relaxations.compound:compute_element"
    ),
    _relaxation("vacancy", "Vacancies", "Vacancy", "relaxations.vacancy:compute_vacancies"),
    _relaxation("estimate", "Rough barrier", "Estimate", "migration.estimate:estimate_barrier"),
    _kind(
        "md",
        "Molecular dynamics",
        "dynamics:Md",
        "migration.dynamics:compute_dynamics",
        potential=True,
        of_material=True,
    ),
    _dft("scf", "DFT single point", "DftScf"),
    _dft("relax", "DFT relaxation", "DftRelax"),
    _dft("path", "DFT on a path", "DftPath"),
    _dft("hop", "DFT hop", "DftHop"),
    _dft("neb", "DFT migration barrier", "DftNeb"),
    _kind(
        "dft-after",
        "DFT after a barrier",
        "dft:DftAfter",
        "dft.requests:queue_deferred",
        instant=True,
    ),
)

OPERATIONS = (
    Operation(
        name="neb",
        summary="Queue a migration barrier, or get the calculation that already answers it.",
        description="Queue the request. The same request gives the same calculation to every "
        "caller.",
        path="/calculations",
        method="",
        request=f"{_SCHEMAS}.migration:PostedRequest",
        function="pvkdb.store.files.structure_reading:barrier_request",
        queued=Kind(
            name="neb",
            title="Migration barrier",
            request=f"{_SCHEMAS}.migration:CompleteNebRequest",
            result=f"{_SCHEMAS}.migration:NebResult",
            computed="pvkdb_pipelines.migration.compute:compute_migration",
            potential=True,
            of_material=True,
        ),
        example="CsPbBr3 --potential chgnet --plot",
        printed="pvkdb.cli.output.barriers:print_hops",
    ),
)
