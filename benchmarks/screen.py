"""Cost of a screening's relaxations: compositions a core-hour, force calls, failures.

    python benchmarks/screen.py                # two relaxations of every prototype
    python benchmarks/screen.py --sample 8     # eight of each
    python benchmarks/screen.py --all chgnet   # every one, through the store as pvkdb screen does
    python benchmarks/screen.py --whole        # the plan as it is, to its last stage: two hours

Both potentials in turn, unless one is named. A sample is stratified by prototype: what two
relaxations of A2BX4 in Pnma cost stands for all 153 of them; its error is the standard error of
that estimate. Times are processor time, since a shared machine's clock says little; on idle cores
a run takes that time divided by their number.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from math import sqrt
from pathlib import Path
from statistics import mean, variance

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import RelaxRequest
from pvkdb.schemas.screening import ScreeningReport
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb_pipelines.prototypes import candidates, competitors, compound_of
from pvkdb_pipelines.relaxations.compound import compute_relaxation, relax_request
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import Plan, read_plan
from pvkdb_pipelines.work.cores import usable_cores

Stratum = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Cost:
    """One relaxation: processor seconds, force calls, whether it failed numerically."""

    cpu_seconds: float
    force_calls: int
    failed: bool


def main() -> None:
    """Print the cost of a plan's relaxations with each potential."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potentials", nargs="*", default=["chgnet", "sevennet-0"])
    parser.add_argument("--plan", default="inorganic")
    parser.add_argument("--sample", type=int, default=2, help="relaxations of each prototype")
    parser.add_argument("--all", action="store_true", help="every one, through the store")
    parser.add_argument("--whole", action="store_true", help="the plan as it is, to its last stage")
    parser.add_argument("--processes", type=int, default=usable_cores())
    chosen = parser.parse_args()
    plan = read_plan(chosen.plan)
    if chosen.whole:
        _measure_all(plan, chosen.processes, chosen.sample)
        return
    plan = plan.model_copy(update={"filters": {}, "stop_after": "stability"})
    for name in chosen.potentials:
        plan = plan.model_copy(update={"potential": PotentialName(name)})
        (_measure_all if chosen.all else _measure_sample)(plan, chosen.processes, chosen.sample)


def _measure_sample(plan: Plan, processes: int, count: int) -> None:
    strata, compositions = _strata(plan)
    pick = random.Random(2145)
    drawn = [
        (stratum, request)
        for stratum, requests in strata.items()
        for request in pick.sample(requests, min(count, len(requests)))
    ]
    context = multiprocessing.get_context("spawn")
    costs: dict[Stratum, list[Cost]] = defaultdict(list)
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        done = zip(drawn, pool.map(_relax, [request for _, request in drawn]), strict=True)
        for number, ((stratum, _), cost) in enumerate(done, start=1):
            costs[stratum].append(cost)
            _tell(f"{plan.potential}: {number} of {len(drawn)}")
    total = sum(len(strata[stratum]) * mean(_seconds(found)) for stratum, found in costs.items())
    error = sqrt(sum(_variance(len(strata[s]), _seconds(found)) for s, found in costs.items()))
    calls = sum(len(strata[s]) * mean(c.force_calls for c in found) for s, found in costs.items())
    failed = sum(len(strata[s]) * mean(c.failed for c in found) for s, found in costs.items())
    number = sum(map(len, strata.values()))
    print(
        f"{plan.potential}: {compositions} compositions, {number} relaxations "
        f"(estimated from {len(drawn)})\n"
        f"  {total / 3600:.2f} ± {error / 3600:.2f} core-hours: "
        f"{total / 60 / 2:.0f} ± {error / 60 / 2:.0f} minutes on two idle cores\n"
        f"  {compositions / total * 3600:.0f} compositions a core-hour, "
        f"{calls / number:.0f} force calls a relaxation, {1000 * total / calls:.1f} ms a call\n"
        f"  failed numerically: {100 * failed / number:.1f} %"
    )
    for stratum, found in sorted(costs.items(), key=lambda item: -_share(strata, *item))[:6]:
        print(
            f"    {' '.join(stratum):18} {len(strata[stratum]):4} of them, "
            f"{mean(_seconds(found)):5.2f} s, {mean(c.force_calls for c in found):4.0f} calls each"
        )


def _measure_all(plan: Plan, processes: int, _: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'screen.sqlite'}")
        upgrade(store)
        started = time.perf_counter()
        report = Funnel(
            plan, store, processes, lambda stage, done, total: _tell(f"{stage} {done} of {total}")
        ).run()
        _print_report(report, time.perf_counter() - started)
        store.close()


def _print_report(report: ScreeningReport, wall_seconds: float) -> None:
    number, failed = sum(report.calculations.values()), sum(report.failed.values())
    compositions, calls = len(report.candidates), sum(report.force_calls.values())
    print(
        f"{report.potential}: {compositions} compositions, {number} calculations\n"
        f"  {report.core_hours:.2f} core-hours, {wall_seconds / 60:.0f} minutes by the clock\n"
        f"  {compositions / report.core_hours:.0f} compositions a core-hour, "
        f"{calls / number:.0f} force calls a relaxation, "
        f"{report.core_hours * 3.6e6 / calls:.1f} ms a call\n"
        f"  force calls by kind: {report.force_calls}\n"
        f"  failed: {100 * failed / number:.1f} % {report.failed}"
    )
    for stage in report.stages:
        print(f"  {stage.stage}: {stage.entered} entered, {stage.passed} passed, fell {stage.fell}")


def _strata(plan: Plan) -> tuple[dict[Stratum, list[RelaxRequest]], int]:
    """Every relaxation that the plan needs, once, by prototype; and its compositions."""
    strata: dict[Stratum, list[RelaxRequest]] = defaultdict(list)
    compounds = {}
    compositions = plan.candidates()
    for candidate in compositions:
        compound = compound_of(candidate.composition)
        compounds.update(dict.fromkeys([compound, *competitors(compound)]))
    for compound in compounds:
        for info in candidates(compound):
            request = relax_request(compound, info, plan.potential)
            strata[compound.stoichiometry, info.phase].append(request)
    return strata, len(compositions)


def _relax(request: RelaxRequest) -> Cost:
    started = time.process_time()
    try:
        result = compute_relaxation(request).result
    except (CalculationFailedError, InputError):
        return Cost(time.process_time() - started, 0, failed=True)
    return Cost(result.cpu_seconds, result.force_calls, failed=False)


def _seconds(costs: Iterable[Cost]) -> list[float]:
    return [cost.cpu_seconds for cost in costs]


def _variance(population: int, seconds: list[float]) -> float:
    """Of the estimated total of a stratum."""
    drawn = len(seconds)
    if drawn < 2:
        return 0.0
    return population**2 * (1 - drawn / population) * variance(seconds) / drawn


def _share(strata: dict[Stratum, list[RelaxRequest]], stratum: Stratum, costs: list[Cost]) -> float:
    return len(strata[stratum]) * mean(_seconds(costs))


def _tell(text: str) -> None:
    print(f"\r{text:60}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
