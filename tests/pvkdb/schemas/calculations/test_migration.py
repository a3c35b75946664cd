"""Results of barriers: the host that was used, and hops under the paths that they belong to."""

from __future__ import annotations

from pvkdb.schemas.calculations.migration import MigrationPath, NebResult, PercolationThreshold

from ....pipelines.migration.results import hop_barrier, migration_result_of


def result(*thresholds: tuple[str, float, int], saddles: tuple[float, ...]) -> NebResult:
    found = migration_result_of("CsPbBr3", *map(hop_barrier, saddles))
    listed = [dict(zip(("direction", "e_a_ev", "hop"), row, strict=True)) for row in thresholds]
    percolation = [PercolationThreshold.model_validate(row) for row in listed]
    return found.model_copy(update={"percolation": percolation})


def test_hops_belong_to_the_easiest_path_that_needs_them() -> None:
    thresholds = (("a", 0.5, 3), ("3D", 0.5, 3), ("1D", 0.2, 1), ("2D", 0.2, 1))
    found = result(*thresholds, saddles=(0.3, 0.2, 0.9, 0.5))
    assert found.paths() == [
        MigrationPath("2D", 0.2, [2]),  # the path in one dimension leads on in two
        MigrationPath("3D", 0.5, [1, 4]),
        MigrationPath("", None, [3]),
    ]


def test_a_hop_without_a_saddle_is_on_no_path() -> None:
    found = result(("1D", 0.2, 0), saddles=(0.2, 0.1))
    failed = found.hops[1].model_copy(update={"outcome": "failed", "saddle_ev": None})
    found = found.model_copy(update={"hops": [found.hops[0], failed]})
    assert found.paths() == [MigrationPath("1D", 0.2, [1]), MigrationPath("", None, [2])]


def test_the_host_is_what_was_requested_and_what_it_became() -> None:
    kept = migration_result_of("CsPbBr3", hop_barrier(0.2))
    assert (kept.host, kept.doubts) == ("Pnma", [])
    became = {"host_left_for": "P2_1, 20 meV a formula unit lower", "space_group": "P2_1"}
    left = kept.model_copy(update=became)
    assert left.host == "Pnma → P2_1"
    assert left.doubts == ["host changed: Pnma became P2_1, 20 meV a formula unit lower"]
