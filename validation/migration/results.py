"""The numbers behind the page of migration barriers: one process a core, kept as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import CompleteNebRequest, NebResult
from pvkdb_pipelines.migration.compute import compute_migration
from validation.barrier_cases import CASES, POTENTIALS, Case
from validation.computing import in_processes
from validation.pages import read


class Computed(BaseModel):
    """One case with one potential: a result, or why there is none."""

    model_config = ConfigDict(frozen=True)

    case: str
    potential: PotentialName
    key: str
    result: NebResult | None = None
    failure_kind: str | None = None
    failure: str | None = None
    versions: dict[str, str] = {}


class Results(BaseModel):
    """Everything that the page shows and that is not of the literature."""

    computed: tuple[Computed, ...] = ()

    def of(self, case: Case, potential: PotentialName) -> Computed | None:
        """What came of a case; None where it was not run."""
        found = (entry for entry in self.computed if entry.case == case.name)
        return next((entry for entry in found if entry.potential == potential), None)


def is_current(entry: Computed, case: Case) -> bool:
    """Whether a result is what this version would compute for the case; else an earlier one did."""
    return entry.key == case.request(entry.potential).key()


#: A case's name and a calculation of it.
Wanted = tuple[str, CompleteNebRequest]


def wanted() -> list[Wanted]:
    """Return every calculation of the page."""
    return [(case.name, case.request(name)) for case in CASES for name in case.potentials]


#: Called after each case with how many are done, how many there are, and the last one.
OnResult = Callable[[int, int, Computed], None]


def read_results(path: Path) -> Results:
    """The results of earlier runs; none where there was none."""
    return read(Results, path)


def compute(path: Path, wanted: Sequence[Wanted], on_result: OnResult) -> Results:
    """Compute what the file does not hold yet with the same settings, and drop what is not wanted.

    The file is written after each, so that a run that was ended goes on where it was.
    """
    known = {entry.key: entry for entry in read_results(path).computed}
    keys = [request.key() for _, request in wanted]
    order: dict[str, int] = {name: place for place, name in enumerate(POTENTIALS)}
    found = {key: known[key] for key in keys if key in known}
    # The cheap potentials first.
    cheapest = sorted(wanted, key=lambda each: order[each[1].potential])
    for entry in in_processes(_compute, [each for each in cheapest if each[1].key() not in found]):
        found[entry.key] = entry
        ordered = tuple(found[key] for key in keys if key in found)
        text = Results(computed=ordered).model_dump_json(indent=1, exclude_defaults=True)
        path.write_text(text + "\n", encoding="utf-8")
        on_result(len(found), len(wanted), entry)
    return read_results(path)


def _compute(name: str, request: CompleteNebRequest) -> Computed:
    entry = Computed(case=name, potential=request.potential, key=request.key())
    try:
        run = compute_migration(request)
    except CalculationFailedError as failure:
        return entry.model_copy(update={"failure_kind": failure.kind, "failure": str(failure)})
    except Exception as error:  # a typed record, as a worker would make it
        said = f"{type(error).__name__}: {error}"
        return entry.model_copy(update={"failure_kind": "crashed", "failure": said})
    return entry.model_copy(update={"result": _rounded(run.result), "versions": run.versions})


def _rounded(result: NebResult) -> NebResult:
    """The result with its profiles to 0.1 meV, so that the file stays readable."""
    document = result.model_dump()
    for barrier in document["hops"]:
        for name, value in barrier.items():
            if isinstance(value, float):
                barrier[name] = round(value, 4)
            elif isinstance(value, list):
                barrier[name] = [round(number, 4) for number in value]
    return NebResult.model_validate(document)
