"""The page of DFT on a potential's path is that of its numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from validation.dft import convergence
from validation.dft.hops import ESPRESSO_SET
from validation.dft.page import (
    PAGE,
    DftNumbers,
    Hops,
    Point,
    estimated_cpu_seconds,
    read_hops,
    read_numbers,
    render,
)

SETTINGS = DftSettings(cutoff_wfc_ry=25, cutoff_rho_ry=150, kpoint_grid=(1, 1, 1))


def point(charge: int, image: str, energy_ev: float | None) -> Point:
    return Point(
        charge=charge,
        image=image,
        settings=SETTINGS,
        atoms=39,
        energy_ev=energy_ev,
        cpu_seconds=60.0,
        failure_kind=None if energy_ev is not None else FailureKind.OUT_OF_WALLTIME,
    )


def test_the_page_is_made_of_the_numbers_kept() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(read_numbers(), read_hops())


def test_a_barrier_needs_both_of_its_points() -> None:
    numbers = DftNumbers(
        material="CsPbBr3 Pnma",
        defect="V_Br",
        potential="sevennet-0",
        potential_barrier_ev=0.217,
        hop="octahedron edge",
        points=[
            point(0, "start", -100.0),
            point(0, "saddle", -99.7),
            point(1, "start", -105.0),
            point(1, "saddle", None),
        ],
    )
    assert numbers.barrier_ev(0) == pytest.approx(0.3)
    assert numbers.barrier_ev(1) is None
    page = render(numbers, Hops())
    assert "neutral cell: E(saddle) − E(start) = 0.300 eV" in page
    assert "charge +1: E(saddle) − E(start) = not known yet" in page
    assert "out of walltime" in page
    assert "240 CPU-s in all" in page


def test_the_estimate_is_the_measurement_at_its_own_cutoffs_and_grows_with_them() -> None:
    assert estimated_cpu_seconds((40, 320), 1) == (330, 330)
    assert estimated_cpu_seconds((40, 320), 0) == (429, 429)
    low, high = estimated_cpu_seconds((60, 600), 1)
    assert 330 < low < high < 1000
    low, high = estimated_cpu_seconds((25, 150), 1)
    assert 60 < low < high < 330


def test_the_kind_of_hop_does_not_decide_what_the_charge_does() -> None:
    """Along edges and between octahedra it raises some barriers and lowers others."""
    barriers: dict[tuple[str, bool], dict[int, float]] = {}
    for hop in (*read_hops().hops, *read_hops(convergence.HOPS_FILE).hops):
        if hop.result is not None and not hop.result.not_converged:
            kind = hop.name.split()[0], hop.hop.startswith("octahedron edge")
            found_ev = hop.result.barrier_forward_ev
            barriers.setdefault(kind, {})[hop.settings.charge] = found_ev
    signs = {(edge, each[1] > each[0]) for (_, edge), each in barriers.items() if len(each) == 2}
    assert len(signs) == 4
    words = PAGE.read_text(encoding="utf-8").replace("\n", " ")
    change_ev = barriers["Cs2TeCl6", False][1] - barriers["Cs2TeCl6", False][0]
    assert f"Cs2TeCl6 {change_ev:+.2f}" in words
    assert "the kind of hop does not decide which" in words


def test_hops_between_basins_are_kept_and_make_no_statement(tmp_path: Path) -> None:
    """Also in a store that took them before they were marked."""
    hops = {hop.calculation: hop.result for hop in read_hops().hops if hop.result is not None}
    marked = {key for key, result in hops.items() if result.not_converged}
    names = {hop.name.split()[0] for hop in read_hops().hops if hop.calculation in marked}
    between, astray = {"CsPbI3", "Cs2AgBiBr6", "Rb2TeCl6"}, {"CsPbBr3", "Cs2GeCl6"}
    small = {"CsPbCl3", "Cs3Sb2I9"}  # for their tilts, or for Γ alone
    small |= {"Cs2AgInCl6", "Cs2SnI6", "Cs2SnCl6", "Cs2NaYCl6"}
    assert names == between | astray | small
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    upgrade(store)
    by_dft = select(Energetic.calculation_id).where(Energetic.method == "DFT")
    with store.session() as session:
        take_calculations(session, ESPRESSO_SET.calculations)
        assert {*session.scalars(by_dft)} == hops.keys() - marked
        held = session.get_one(Calculation, min(marked))
        held.result = {**(held.result or {}), "not_converged": None}
        (statement,) = session.scalars(select(Energetic).where(Energetic.method == "DFT").limit(1))
        statement.calculation_id = held.id
    with store.session() as session:
        assert take_calculations(session, ESPRESSO_SET.calculations).new == 0
        assert session.get_one(Calculation, min(marked)).result["not_converged"]
        assert not marked & {*session.scalars(by_dft)}
    store.close()
