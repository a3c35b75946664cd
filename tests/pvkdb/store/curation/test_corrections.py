"""A correction takes the place of a reviewed row once somebody has confirmed it, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.literature.importing import import_files
from pvkdb.schemas.imports import ChangesRequest, NewRow, TableChanges
from pvkdb.store.base import utc_now
from pvkdb.store.collections import COMPOSITIONS, DEVICES, ENERGETICS
from pvkdb.store.collections.energetics import energy_summaries
from pvkdb.store.curation.dataset import confirm_import, current_version
from pvkdb.store.curation.history import changes, history
from pvkdb.store.curation.people import person_named
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.summary_updates import _renew_touched
from pvkdb.store.rows.energy_ranges import energy_ranges
from pvkdb.suitability import rank
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.materials import material_candidates, phase_candidates

from ....statements import energy_row

PAPER = """
reference: {{key: fix2026, authors: [F. Ixer], title: Corrected, journal: J. Fix, year: 2026}}
energetics:
  - supersedes: {energy}
    material: CsPbBr3
    defect: V_Br
    quantity: E_A
    value: {value} eV
    method: experiment
    source: p. 1
devices:
  - supersedes: {device}
    structure: Au/CsPbBr3/ITO
    absorber: CsPbBr3
    on_off_ratio: {ratio}
    source: p. 1
"""


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session(read_only=False) as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def correct(session: Session, tmp_path: Path):
    def imported(energy: str, device: str, value: float) -> tuple[str, str, str]:
        path = tmp_path / "fix2026.yaml"
        text = PAPER.format(energy=energy, device=device, value=value, ratio=value * 1e6)
        path.write_text(text, encoding="utf-8")
        report = import_files(session, [path])
        ids = {change.table: change.id for change in report.changes}
        return report.dataset_version, ids["energetics"], ids["devices"]

    return imported


def of_paper(session: Session) -> tuple[str, str]:
    """Reported values of the literature: an energy of CsPbBr3 and a device of it."""
    energies = ENERGETICS.iterate(session, {"material": ("CsPbBr3",), "quantity": ("E_A",)})
    devices = DEVICES.iterate(session, {"absorber": ("CsPbBr3",)})
    return next(x.id for x in energies if x.method != "MLIP"), next(devices).id


def counted(session: Session) -> list[object]:
    """Everything that counts rows, each as it shows it."""
    _renew_touched(session)  # as a commit does
    composition = COMPOSITIONS.get(session, "CsPbBr3")
    listed = {x.id: x.evidence for x in material_candidates(session, formulas=["CsPbBr3"])}
    barrier = listed["CsPbBr3"]["e_a_ev"]
    phases = [x.evidence.get("e_a_ev") for x in phase_candidates(session, "CsPbBr3")]
    return [
        (composition.devices_count, composition.energetics_reported_count),
        (composition.e_a_literature_min_ev, composition.e_a_literature_max_ev),
        (barrier.minimum, barrier.maximum, barrier.references),
        [(x.minimum, x.maximum) for x in phases if x],
        {x.id for x in device_candidates(session) if not x.unreviewed},
        energy_ranges(session),
        [each.model_dump() for each in energy_summaries(session, {}, 1000)],
    ]


def versions(session: Session, key: str) -> list[tuple[str, bool, object]]:
    return [(x.id, x.current, x.row["review"]) for x in history(session, key).versions]


def reviews(session: Session, *ids: str) -> list[str | None]:
    """The reviews of those of some energies and devices that lists, exports and pages have."""
    rows = [*ENERGETICS.iterate(session, {}), *DEVICES.iterate(session, {})]
    listed = {row.id: row.review for row in rows}
    return [listed.get(each, "left out") for each in ids]


def test_a_reviewed_row_counts_until_its_correction_is_confirmed(session, correct) -> None:
    energy, device = of_paper(session)
    before = counted(session)
    order = [x.id for x in rank(session, "selector", "devices", models=()).candidates]
    version, new_energy, new_device = correct(energy, device, 3.0)
    assert counted(session) == before
    assert [x.id for x in rank(session, "selector", "devices", models=()).candidates] == order
    both = (energy, new_energy, device, new_device)
    assert reviews(session, *both) == [None, "unreviewed", None, "unreviewed"]
    assert DEVICES.get(session, device).id == device
    assert versions(session, device) == [(device, True, None), (new_device, False, "unreviewed")]
    with_it = {x.id for x in device_candidates(session, unreviewed=True)}
    assert (device in with_it, new_device in with_it) == (False, True)
    person_named(session, "Ada")
    confirm_import(session, version, "Bob")
    after = counted(session)
    assert after != before
    assert new_device in after[4]
    assert device not in after[4]
    assert (after[0], after[1][1]) == (before[0], 3.0)
    assert reviews(session, *both)[::2] == ["left out", "left out"]
    assert [each[:2] for each in versions(session, device)] == [(device, False), (new_device, True)]


def test_of_a_chain_the_last_reviewed_row_counts_and_the_newest_stands_beside(
    session, correct
) -> None:
    a = of_paper(session)
    first, *b = correct(*a, 2.0)
    confirm_import(session, first, "Bob")
    before = counted(session)
    second, *c = correct(*b, 2.5)
    third, *d = correct(*c, 3.0)
    assert counted(session) == before
    assert reviews(session, a[1], b[1], c[1], d[1]) == [
        *("left out", "self-confirmed", "left out", "unreviewed")
    ]
    confirm_import(session, third, "Bob")  # the one between them was never confirmed
    after = counted(session)
    assert (after[0], after[1][1]) == (before[0], 3.0)
    assert reviews(session, a[1], b[1], c[1]) == ["left out"] * 3
    confirm_import(session, second, "Bob")
    assert counted(session) == after


def test_an_unreviewed_device_takes_no_figures_from_a_reviewed_one(session, tmp_path) -> None:
    before = {x.id: x.evidence for x in device_candidates(session)}
    texts = {
        name
        for name, evidence in before.items()
        if any("the text speaks of" in (each.note or "") for each in evidence.values())
    }
    stacks = DEVICES.iterate(session, {})
    found = next(x for x in stacks if x.id in texts and f"/{x.absorber}/" in x.structure)
    path = tmp_path / "same.yaml"
    path.write_text(
        f"devices:\n  - structure: {found.structure}\n    absorber: {found.absorber}\n"
        f"    references: {found.references}\n    on_off_ratio: 12\n    source: p. 2\n",
        encoding="utf-8",
    )
    import_files(session, [path])
    after = {x.id: x.evidence for x in device_candidates(session) if not x.unreviewed}
    assert after == before


def test_changes_since_a_version_name_what_came_and_what_it_corrects(session, correct):
    def since(version: str) -> dict[str, TableChanges]:
        found = changes(ChangesRequest(since=version), lambda: nullcontext(session))
        return {each.table: each for each in found}

    then = current_version(session)
    energy, device = of_paper(session)
    assert since(then) == {}
    version, new_energy, _new_device = correct(energy, device, 0.4)
    found = since(then)
    assert found["energetics"].rows == [NewRow(id=new_energy, supersedes=energy, version=version)]
    assert [row.supersedes for row in found["devices"].rows] == [device]
    assert [row.id for row in found["references"].rows] == ["fix2026"]
    counts = {table: (each.added, each.superseding) for table, each in found.items()}
    assert counts == {"energetics": (0, 1), "devices": (0, 1), "references": (1, 0)}

    done = {"state": "done", "parameters": {}, "finished_at": utc_now() + timedelta(hours=1)}
    session.add(Calculation(id="c", key="c", kind="neb", **done))
    session.flush()
    session.add(energy_row("computed", "CsPbBr3", 0.3))
    session.flush()
    assert since(then)["energetics"].rows[1:] == since(version)["energetics"].rows
    assert since(version)["energetics"].rows == [
        NewRow(id="computed", supersedes=None, version=None)
    ]
    with pytest.raises(NotFoundError, match="did you mean"):
        since(then[:-1])
