"""Time and memory of ranking many candidates with random weights and values.

    python benchmarks/ranking.py [CANDIDATES [CRITERIA [SAMPLES]]]

2,000 candidates × 10 criteria × 2,000 samples unless told: every value is an interval, a lower
bound, one number or unknown, in turn. Prints the processor time of the ranking and the peak of the
memory of the process. The bar is 10 s on one core and 1 GB. Run it with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np

from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Bounds, Criterion, Profile
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.ranking.options import SAMPLES, Options
from pvkdb.suitability.ranking.ranking import rank_candidates

CANDIDATES, CRITERIA = 2_000, 10
BAR_S, BAR_MIB = 10.0, 1000 / 1.048576


def profile_of(count: int) -> Profile:
    """A profile of that many criteria on devices, all numbers on a log scale."""
    metrics = [
        name
        for name, metric in METRICS.items()
        if metric.subject == "devices" and metric.scale == "log" and not metric.words
    ][:count]
    if len(metrics) < count:
        sys.exit(f"there are {len(metrics)} such metrics; ask for no more criteria")
    criteria = tuple(
        Criterion(
            metric=name,
            unit=METRICS[name].unit,
            bounds=Bounds(fails_below=10, at_least=1e5),
            scale="log",
            weight=1,
            basis="span",
            source="benchmark",
        )
        for name in metrics
    )
    return Profile(name="benchmark", title="Benchmark", summary="", devices=criteria, materials=())


def candidates_of(profile: Profile, count: int) -> list[Candidate]:
    """Candidates with random evidence of each kind."""
    rng = np.random.default_rng(1)
    found = []
    for place in range(count):
        evidence = {}
        for column, criterion in enumerate(profile.devices):
            low = float(f"{10 ** rng.uniform(0, 6):.1g}")  # as papers print them
            match (place + column) % 4:
                case 0:
                    evidence[criterion.metric] = Evidence(low, low * 10)
                case 1:
                    evidence[criterion.metric] = Evidence(low, None)
                case 2:
                    evidence[criterion.metric] = Evidence.exactly(low)
        found.append(Candidate(f"c{place:05d}", f"candidate {place}", "device", evidence))
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("candidates", nargs="?", type=int, default=CANDIDATES)
    options.add_argument("criteria", nargs="?", type=int, default=CRITERIA)
    options.add_argument("samples", nargs="?", type=int, default=SAMPLES)
    counts = [*vars(options.parse_args()).values()]
    candidates, criteria, samples = counts
    profile = profile_of(criteria)
    listed = candidates_of(profile, candidates)
    start = time.process_time()
    rank_candidates(profile, "devices", listed, Options(samples=samples))
    whole = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{candidates} candidates × {criteria} criteria × {samples} samples: {whole:.2f} CPU-s "
        f"(bar {BAR_S:.0f}), {peak:.0f} MiB (bar {BAR_MIB:.0f})"
    )
    if counts == [CANDIDATES, CRITERIA, SAMPLES] and (whole > BAR_S or peak > BAR_MIB):
        sys.exit("over the bar")


if __name__ == "__main__":
    main()
