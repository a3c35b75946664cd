"""The funnel: what enters, what falls and why, and that nothing is computed twice.

The energies here are made up, three eV an atom but for the compound named, so that every outcome
can be asked for; the real potential runs in the tests of ``pvkdb screen``.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from ase.io import write
from pymatgen.core import Composition

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations import CalculationDocument, FailureKind
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.screening import ScreeningReport
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.prototypes import build
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import BarrierSettings, Plan, parse_plan
from pvkdb_pipelines.work.pool import LocalEngine

from ...queueing import state_of, submitted
from ...screened import relaxed

PLAN = """\
types = ["ABX3", "A2BX6"]
stop_after = "{stop}"
[ions]
A = ["Cs"]
B = [{b}]
X = [{x}]
[filters]
"""
EV_PER_ATOM = -3.0


def plan(b: str = '"Pb2+"', x: str = '"I"', stop: str = "stability", **filters: str) -> Plan:
    text = PLAN.format(b=b, x=x, stop=stop)
    if "4+" not in b:
        text = text.replace(', "A2BX6"', "")
    return parse_plan(text + "".join(f'{stage} = ["{on}"]\n' for stage, on in filters.items()))


@dataclass
class Bench:
    """Stands in for the workers: ends what is queued with made-up energies.

    Attributes:
        offsets_ev: What a compound's phase has above three eV an atom, per formula unit.
        findings: What is wrong with a compound's relaxed phase.
        failing: Compounds whose relaxations fail.
        stop_after: Calculations after which the user presses Ctrl-C.
        computed: Every calculation ended, as often as it was.
    """

    offsets_ev: dict[tuple[str, str], float] = field(default_factory=dict)
    findings: dict[tuple[str, str], str] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    stop_after: int | None = None
    computed: Counter[tuple[str, str]] = field(default_factory=Counter)

    def drain(self, store: Store, report: Any, only: list[str]) -> Iterator[CalculationDocument]:
        for key in only:
            with store.session() as session:
                calculation = queue.claim(session, "bench", key)
                if self.stop_after is not None and self.computed.total() >= self.stop_after:
                    queue.release(session, calculation.id, "bench")
                    session.commit()
                    raise KeyboardInterrupt
                parameters = calculation.parameters
                name = (parameters["formula"], parameters["phase"])
                self.computed[name] += 1
                if name[0] in self.failing:
                    kind = FailureKind.RELAXATION_NOT_CONVERGED
                    queue.fail(session, calculation.id, "bench", kind, "300 steps")
                else:
                    result = self._result(*name, parameters["stoichiometry"])
                    queue.finish(session, calculation.id, "bench", result, {})
                session.refresh(calculation)
                document = calculation_document(calculation)
            yield document

    def _result(self, formula: str, phase: str, stoichiometry: str) -> dict[str, Any]:
        atoms = int(Composition(formula.replace("MA", "CNH6")).num_atoms)
        energy = EV_PER_ATOM * atoms + self.offsets_ev.get((formula, phase), 0.0)
        findings = [found] if (found := self.findings.get((formula, phase))) else []
        of = {"stoichiometry": stoichiometry, "phase": phase, "findings": findings}
        return relaxed(formula, energy, atoms_per_formula=atoms, **of).model_dump(mode="json")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench()
    monkeypatch.setattr(LocalEngine, "drain", lambda _, *asked: bench.drain(*asked))
    return bench


def counts(report: ScreeningReport) -> dict[str, tuple[int, int, dict[str, int]]]:
    """By stage: entered, passed, fell; everyone who enters passes or falls."""
    for stage in report.stages:
        assert stage.entered == stage.passed + sum(stage.fell.values())
    return {stage.stage: (stage.entered, stage.passed, dict(stage.fell)) for stage in report.stages}


def test_radii_need_no_calculation(empty_store: Store, bench: Bench) -> None:
    chosen = plan('"Pb2+", "Sn4+"', '"I", "Br"', "tolerance", tolerance="tau < 4.18")
    report = Funnel(chosen, empty_store).run()
    # tau of CsPbI3 is 4.30, of CsPbBr3 4.10; it is not defined for A2BX6 and asks nothing of it.
    assert counts(report) == {"enumerate": (4, 4, {}), "tolerance": (4, 3, {"filter": 1})}
    (fallen,) = (entry for entry in report.candidates if entry.fall)
    assert fallen.formula == "CsPbI3"
    assert (fallen.fall.reason, fallen.fall.detail) == ("not tau < 4.18", "tau is 4.303")
    assert report.calculations == {}
    # A stage that nobody reaches counts nobody.
    found = counts(Funnel(plan(tolerance="tau < 0"), empty_store).run())
    assert (found["tolerance"], found["stability"]) == ((1, 0, {"filter": 1}), (0, 0, {}))
    assert not bench.computed


def test_a_stable_compound_passes_and_an_unstable_one_falls(empty_store, bench):
    bench.offsets_ev = {("CsPbI3", "delta"): -0.5, ("CsPbI3", "Pnma"): -0.4}
    bench.offsets_ev[("CsSnI3", "Pnma")] = 0.5
    chosen = plan('"Pb2+", "Sn2+"', stability="above_hull_ev_per_atom < -0.05")
    report = Funnel(chosen, empty_store).run()
    assert counts(report)["stability"] == (2, 1, {"filter": 1})
    lead, tin = report.candidates
    assert lead.stability.ground_state == "delta"
    assert lead.stability.above_hull_ev_per_atom == pytest.approx(-0.5 / 5)
    assert lead.stability.perovskite_above_ground_state_ev_per_atom == pytest.approx(0.1 / 5)
    assert (lead.rank, tin.rank) == (1, None)
    assert report.calculations == {"relax": bench.computed.total()}
    assert report.force_calls == {"relax": 10 * bench.computed.total()}
    assert report.core_hours == pytest.approx(0.01 * bench.computed.total())


def test_a_mixture_is_compared_with_its_ends_in_the_same_phase(empty_store, bench):
    bench.offsets_ev = {("CsPbI2Br", "Pnma"): 0.05, ("CsPbI3", "Pnma"): 0.03}
    bench.offsets_ev[("CsPbI3", "delta")] = -0.3  # of no matter for the tilted perovskite
    chosen = parse_plan('formulas = ["CsPbI2Br"]\n')
    report = Funnel(chosen, empty_store).run()
    (candidate,) = report.candidates
    assert candidate.stability.perovskite == "Pnma"
    assert candidate.stability.mixing_ev_per_formula == pytest.approx(0.05 - 0.03 * 2 / 3)
    names = {formula for formula, _ in bench.computed}
    assert {"CsPbI2Br", "CsPbI3", "CsPbBr3", "CsI", "CsBr", "PbI2", "PbBr2"} <= names


def test_hybrids_have_energies_and_no_hull_and_layers_need_dispersion(empty_store, bench):
    formulas = '["MAPbI3", "MA3Bi2I9", "BA2PbI4", "MAPbI3-xClx"]'
    asked = parse_plan(f'formulas = {formulas}\nstop_after = "stability"')
    unheld = Funnel(asked, empty_store).preview().no_prototype
    assert "no dispersion forces" in unheld["(BA)2PbI4"]
    assert unheld["MAPbI3-xClx"] == "its amounts are open or do not balance"
    report = Funnel(asked, empty_store).run()
    hybrid, dimer, *others = report.candidates
    for found, phase in ((hybrid, "Pnma"), (dimer, "P6_3/mmc")):
        assert found.fall is None
        assert found.stability.above_hull_ev_per_atom is None
        assert phase in {entry.phase for entry in found.stability.phases}
    assert [each.fall.stage for each in others if each.fall] == ["stability", "stability"]


def test_layers_are_relaxed_alone_where_the_potential_holds_them(empty_store, bench):
    asked = parse_plan('potential = "sevennet-0-d3"\nformulas = ["BA2PbI4", "PEA2SnI4"]')
    report = Funnel(asked, empty_store).run()
    assert {formula for formula, _ in bench.computed} >= {"BA2PbI4", "PEA2SnI4", "PbI2"}
    for found, phase in zip(report.candidates, ("Pbca", "P-1"), strict=True):
        assert found.fall is None
        assert [entry.phase for entry in found.stability.phases] == [phase]


def test_a_perovskite_that_became_chains_falls_as_a_result(empty_store, bench):
    for info in ("Pm-3m", "P4/mbm", "I4/mcm", "Pnma", "R-3c", "R3m"):
        bench.findings["CsPbI3", info] = "connectivity changed: shares edges"
    report = Funnel(plan(), empty_store).run()
    assert counts(report)["stability"] == (1, 0, {"physical": 1})
    (candidate,) = report.candidates
    assert candidate.fall.reason == "connectivity changed"


def test_failures_are_typed_and_computed_again_when_asked(empty_store: Store, bench: Bench) -> None:
    bench.failing = {"CsPbI3"}
    report = Funnel(plan(), empty_store).run()
    assert counts(report)["stability"] == (1, 0, {"numerical": 1})
    phases = bench.computed.total()
    assert set(report.failed) == {"relaxation not converged"}

    bench.failing = set()
    assert Funnel(plan(), empty_store).run() == report  # what failed is known, too
    assert bench.computed.total() == phases
    again = Funnel(plan(), empty_store, retry=True).run()
    assert counts(again)["stability"] == (1, 1, {})
    assert bench.computed.total() == phases + report.failed["relaxation not converged"]


def test_a_stopped_screening_computes_nothing_twice(empty_store: Store, bench: Bench) -> None:
    bench.stop_after = 5
    stopped = Funnel(plan(), empty_store)
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    assert bench.computed.total() == 5
    partial = stopped.partial()
    assert partial.calculations == {"relax": 5}
    (candidate,) = partial.candidates
    assert {entry.phase for entry in candidate.stability.phases} == {
        phase for formula, phase in bench.computed if formula == "CsPbI3"
    }
    assert (candidate.rank, candidate.fall) == (None, None)
    bench.stop_after = None
    heard: list[tuple[str, int, int]] = []
    report = Funnel(plan(), empty_store, watch=lambda *told: heard.append(told)).run()
    assert set(bench.computed.values()) == {1}
    total = bench.computed.total()
    assert next(told for told in heard if told[0] == "stability") == ("stability", 5, total)
    assert heard[-1] == ("stability", total, total)
    assert Funnel(plan(), empty_store).run() == report
    assert bench.computed.total() == total


def test_plans_share_what_they_both_need(empty_store: Store, bench: Bench) -> None:
    first, second, again = (
        Funnel(plan(b), empty_store) for b in ('"Pb2+"', *2 * ('"Pb2+", "Sn2+"',))
    )
    first.run()
    before = set(bench.computed)
    second.run()
    again.run()
    counted = [len(before), len(bench.computed) - len(before), 0]
    assert [run.computed for run in (first, second, again)] == counted
    assert set(bench.computed.values()) == {1}
    assert {"CsI", "PbI2"} <= {formula for formula, _ in before}


def test_calculations_of_others_stay_in_the_queue(empty_store: Store, bench: Bench) -> None:
    key = submitted(empty_store, NebRequest(formula="CsSnI3"))
    Funnel(plan(), empty_store).run()
    assert bench.computed
    assert state_of(empty_store, key) == "queued"


def test_a_crystal_from_a_file_is_screened_in_its_own_phase(empty_store, bench, tmp_path):
    """The yellow phase of CsPbI3 is no perovskite, and the one that was asked for."""
    write(tmp_path / "yellow.cif", build(parse_composition("CsPbI3"), "delta"))
    chosen = parse_plan('formulas = ["yellow.cif", "Cs4PbI6"]', folder=tmp_path)
    bench.offsets_ev = {("CsPbI3", "Pnma"): -0.5, ("CsPbI3", "delta"): -0.1}
    report = Funnel(chosen, empty_store).run()
    assert counts(report)["stability"] == (2, 2, {})
    yellow, isolated = report.candidates
    assert (yellow.stability.ground_state, yellow.stability.perovskite) == ("Pnma", "delta")
    assert (isolated.type, isolated.stability.perovskite) == ("A4BX6", "R-3c")
    with empty_store.session() as session:
        asked = session.query(Calculation).filter_by(kind="relax").all()
        starts = {c.parameters["phase"] for c in asked if c.parameters.get("start")}
    assert starts == {"delta"}


def test_a_preview_counts_what_a_run_then_computes(empty_store: Store, bench: Bench) -> None:
    chosen = plan('"Pb2+", "Sn2+"', tolerance="tau < 4.29")  # CsPbI3 falls, CsSnI3 passes
    preview = Funnel(chosen, empty_store).preview()
    assert not bench.computed
    assert [stage.passed for stage in preview.stages] == [2, 1]
    assert preview.held == 0
    assert preview.core_seconds == {"relax": pytest.approx(1.3 * preview.relaxations)}
    report = Funnel(chosen, empty_store).run()
    assert report.calculations == {"relax": preview.relaxations}
    again = Funnel(chosen, empty_store).preview()
    assert (again.held, again.core_seconds) == (preview.relaxations, {})
    # The 36 s of those that are done are those of others of their type; barriers have none yet.
    later = plan('"Sn2+", "Ge2+"', stop="barrier", tolerance="tau < 4.29")
    longer = Funnel(later, empty_store).preview()
    assert longer.core_seconds["relax"] == pytest.approx(36.0 * (longer.relaxations - longer.held))
    assert longer.core_seconds["neb"] == pytest.approx((230 + 63) * longer.candidates)
    assert "estimate" not in longer.core_seconds
    goal = {"barriers": BarrierSettings(goal="low")}
    guided = Funnel(later.model_copy(update=goal), empty_store).preview()
    assert guided.core_seconds["estimate"] == pytest.approx(1.9 * guided.candidates)


def test_what_was_cancelled_is_computed_after_all(bench: Bench, empty_store: Store) -> None:
    Funnel(plan(), empty_store).run()
    with empty_store.session() as session:
        calculation = session.query(Calculation).filter_by(state="done").first()
        calculation.state, calculation.result = "cancelled", None
        parameters = calculation.parameters
    report = Funnel(plan(), empty_store).run()
    assert bench.computed[parameters["formula"], parameters["phase"]] == 2
    assert bench.computed.total() == len(bench.computed) + 1
    assert report.candidates[0].fall is None


def test_another_store_gives_the_same_report(bench, empty_store, tmp_path, migrated_sqlite):
    """Ids of calculations are their content, not chance."""
    shutil.copy(migrated_sqlite, tmp_path / "other.sqlite")
    other = Store(f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert Funnel(plan(), empty_store).run() == Funnel(plan(), other).run()
    other.close()
