"""Relaxations of eight compounds side by side, against one after the other.

    python benchmarks/potentials/batched_relaxations.py [chgnet|sevennet-0] [PHASE] [DEVICE]

Both relax atoms and cell of the same eight perovskites, in one process on one thread, as a worker
does. It prints processor and wall time, steps, and the largest difference of the energies.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations.relaxations import RelaxRequest, RelaxResult
from pvkdb_pipelines.potentials.batch import Batch
from pvkdb_pipelines.potentials.loading import DEVICE, load_potential
from pvkdb_pipelines.prototypes import compound_of, prototype
from pvkdb_pipelines.relaxations.compound import compute_relaxation, relax_request

FORMULAS = ("CsPbI3", "CsPbBr3", "CsPbCl3", "CsSnI3", "CsSnBr3", "CsSnCl3", "CsGeI3", "RbPbI3")
MOST_ATOMS = 2_000


def relaxed(request: RelaxRequest) -> RelaxResult:
    return compute_relaxation(request).result


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("potential", nargs="?", default="sevennet-0")
    options.add_argument("phase", nargs="?", default="Pm-3m")
    options.add_argument("device", nargs="?", default="cpu")
    given = options.parse_args()
    name, phase, device = given.potential, given.phase, given.device
    os.environ[DEVICE] = device
    load_potential(name)
    requests = []
    for formula in FORMULAS:
        compound = compound_of(parse_composition(formula))
        requests.append(relax_request(compound, prototype(compound.stoichiometry, phase), name))
    begun, begun_cpu = time.perf_counter(), time.process_time()
    alone = {request.formula: relaxed(request) for request in requests}
    between, between_cpu = time.perf_counter(), time.process_time()
    tasks = iter([partial(relaxed, request) for request in requests])
    together = list(Batch[RelaxResult](MOST_ATOMS).run(lambda: next(tasks, None)))
    end, end_cpu = time.perf_counter(), time.process_time()
    atoms = sum(each.atoms_per_formula * each.formula_units for each in together)
    print(f"{name} on {device}, {len(requests)} cells ({phase}) of {atoms} atoms together:")
    for what, cpu, wall, results in (
        ("one by one", between_cpu - begun_cpu, between - begun, alone.values()),
        ("one batch", end_cpu - between_cpu, end - between, together),
    ):
        steps = [each.steps for each in results]
        print(
            f"  {what:10}  {cpu:6.1f} CPU-s  {wall:6.1f} s  {sum(steps)} steps, most {max(steps)}"
        )
    apart = max(
        abs(each.energy_ev_per_formula - alone[each.formula].energy_ev_per_formula)
        for each in together
    )
    print(f"  largest difference  {1000 * apart:.4f} meV a formula")


if __name__ == "__main__":
    main()
