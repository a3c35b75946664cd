"""The calculations behind the page of the shipped plan: of this version, and what the page says."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from sqlalchemy import select

from pvkdb.computed import CALCULATIONS, REPORT
from pvkdb.schemas.screening import ScreeningReport
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.energetics import Energetic
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import read_plan
from validation.screening import fast_tier
from validation.screening.fast_tier import FastTier, WithEnergies, energy_ev, finished, relaxations
from validation.screening.make import PAGE, page


@pytest.mark.slow
def test_the_page_follows_from_the_calculations_shipped_with_it(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    upgrade(store)
    with store.session() as session:
        taken = take_calculations(session, CALCULATIONS)
    # With another recipe the run below would compute for hours.
    assert (taken.new, taken.other_recipe) == (3_199, 0)
    with store.session(read_only=True) as session:
        scopes = {
            tuple(row) for row in session.execute(select(Energetic.quantity, Energetic.scope))
        }
    # The file is older than the scope of computed formation energies.
    assert scopes == {("DFE", "computed"), ("E_A", "hop"), ("E_A", "percolation")}
    plan = read_plan("inorganic")
    funnel = Funnel(plan, store, 1)
    preview = funnel.preview()
    assert preview.held == preview.relaxations == 2_507
    funnel = Funnel(plan, store, 1)
    report = funnel.run()
    assert funnel.computed == 0
    assert report == ScreeningReport.model_validate_json(gzip.decompress(REPORT.read_bytes()))
    assert "\n".join(page(report)) + "\n" == PAGE.read_text(encoding="utf-8")
    # The fast tier is compared on these relaxations up to a day, of which this many pass.
    tier = FastTier.model_validate_json(fast_tier.FILE.read_text(encoding="utf-8"))
    with store.session(read_only=True) as session:
        own = {
            each.id: energy_ev(each)
            for each in relaxations(session)
            if finished(each) <= tier.until
        }
    again = WithEnergies(plan, store, 1, energies=own).passed()
    assert (len(own), len(again)) == (tier.structures, tier.passed)
    assert set(tier.only_potential) <= again.keys()
    store.close()
