"""Tables of barriers: the error beside the value, the host, and hops under their paths."""

from __future__ import annotations

from datetime import datetime

import pytest

from pvkdb.cli.commands.barriers import _requests
from pvkdb.cli.output.barriers import print_barriers, print_hops
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.calculations.reliability import measured

from ....pipelines.migration.results import hop_barrier, migration_result_of


def document(potential: str, *saddles: float, **changed: object) -> CalculationDocument:
    result = migration_result_of("CsPbBr3", *map(hop_barrier, saddles)).model_copy(update=changed)
    return CalculationDocument(
        id="0123456789ab",
        key="0123456789ab",
        kind="neb",
        state="done",
        material="CsPbBr3-Pnma",
        parameters={"formula": "CsPbBr3", "potential": potential},
        result=result.model_dump(mode="json"),
        failure_kind=None,
        failure_message=None,
        versions=None,
        attempts=1,
        created_at=datetime(2026, 11, 27),
        started_at=None,
        finished_at=None,
    )


def test_values_have_their_error_and_the_host_that_was_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    left = {"host_left_for": "P2_1, 20 meV a formula unit lower", "space_group": "P2_1"}
    print_barriers("Barriers", [document("chgnet", 0.03, **left), document("mine:make", 0.142)])
    shown = capsys.readouterr()
    # No more digits than the error.
    assert f" 0.03±{measured('chgnet')['mean_absolute_error_ev']:.2f}" in shown.out
    assert " 0.14±unknown" in shown.out
    assert "→ P2_1" in shown.out
    assert "check chgnet: low barrier" in shown.err
    assert "check chgnet: host changed: Pnma became P2_1" in shown.err
    assert "spread: 0.112 eV over 2 potentials" in shown.err


def test_hops_are_listed_under_the_paths_that_need_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_hops(document("chgnet", 0.2, 0.15, 0.9))
    shown = capsys.readouterr().out
    assert "3D path, E_A 0.200" in shown
    assert "0.900" not in shown
    assert "1 more hops: --json; 0 failed" in " ".join(shown.split())


def test_a_mixture_has_mean_and_spread_of_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_barriers("Barriers", [document("chgnet", saddle) for saddle in (0.30, 0.34, 0.41)])
    said = " ".join(capsys.readouterr().err.split())
    assert "chgnet: E_A 0.35 ± 0.06 eV" in said
    assert "deviation of 3 arrangements (0.30 to 0.41)" in said
    assert "potentials" not in said


def test_a_mixture_is_computed_in_several_arrangements_and_a_compound_once() -> None:
    def seeds(formula: str) -> list[int]:
        requests = _requests(formula, None, "sevennet-0", None, None, 5, {"seed": 3})
        assert len({request.key() for request in requests}) == len(requests)
        return [request.settings.seed for request in requests]

    assert seeds("CsPbI2Br") == [3, 4, 5, 6, 7]
    assert seeds("CsPbBr3") == [3]


def test_a_row_without_its_potential_has_an_unknown_error_in_a_notebook() -> None:
    broken = document("chgnet", 0.3).model_copy(update={"parameters": {}})
    assert "± unknown" in broken._repr_html_()
