"""The report of a screening shows everything that decided, and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pvkdb.schemas.screening import (
    Fall,
    PhaseEnergy,
    Product,
    ScreenedCandidate,
    ScreeningReport,
    Stability,
    StageCount,
    Tolerance,
)
from pvkdb.store.runs.report.histograms import Bins, histograms, nice_step
from pvkdb.store.runs.report.page import page, symbol_markup, write_report
from pvkdb.store.runs.screening_reports import ranked

from ..... import screened
from .....screened import candidate, vacancy


def phase(name: str, energy: float | None, *findings: str) -> PhaseEnergy:
    return PhaseEnergy(
        phase=name,
        calculation=f"record-of-{name}",
        energy_ev_per_formula=energy,
        space_group=name,
        volume_ang3_per_formula=222.22,
        findings=list(findings),
        failure=None if energy is not None else f"CsPbI3 {name}: largest force 0.03 eV/Å",
    )


STABILITY = Stability(
    phases=[
        phase("Pnma", -15.1234),
        phase("delta", -15.2234),
        phase("R-3c", None),
        phase("2H", -14.9, "connectivity changed: shares faces with 2"),
    ],
    ground_state="delta",
    perovskite="Pnma",
    perovskite_above_ground_state_ev_per_atom=0.02,
    above_hull_ev_per_atom=-0.0117,
    products=[
        Product(formula="CsI", phase="Pm-3m", amount=1),
        Product(formula="PbI2", phase="P-3m1", amount=1),
    ],
    without_energy=["CsPb2I5"],
)
VACANCY = vacancy(
    calculation="record-of-vacancy", atoms_in_cell=160, x_poor_ev=0.471, x_rich_ev=1.813,
    mu_x_poor_ev=-2.951, mu_x_rich_ev=-1.609, allowed=False, host_drop_ev_per_formula=0.0123,
    references={"Pb": "Fm-3m", "I": "Cmce"},
)  # fmt: skip
TOLERANCE = Tolerance(t=0.851, mu=0.541, tau=4.303, p_perovskite=0.477, radii_source="shannon1976")


FULL = candidate("CsPbI3", tolerance=TOLERANCE, stability=STABILITY, vacancy=VACANCY, rank=2)


def report(*candidates: ScreenedCandidate, **changed: object) -> ScreeningReport:
    fallen = sum(entry.fall is not None for entry in candidates)
    stage = StageCount(
        stage="stability",
        entered=len(candidates),
        passed=len(candidates) - fallen,
        fell={"filter": fallen} if fallen else {},
    )
    content: dict[str, object] = {
        "title": "Lead", "plan": 'types = ["ABX3"]\n', "ranked_by": "above_hull_ev_per_atom",
        "stages": [stage], "failed": {"relaxation not converged": 1}, "core_hours": 0.25,
        "calculations": {"relax": 200, "vacancy": 1}, "pvkdb_version": "0.1.0",
        "force_calls": {"relax": 12345, "vacancy": 321},
    }  # fmt: skip
    return screened.report(*candidates, **content | changed)


class _Text(HTMLParser):
    """The words of a page, and every element that would load something."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.loads: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        named = dict(attrs)
        if tag in ("img", "link", "iframe") or "src" in named:
            self.loads.append(tag)
        if not (named.get("href") or "#").startswith("#"):
            self.loads.append(str(named["href"]))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            self.words += data


def read(text: str) -> _Text:
    parser = _Text()
    parser.feed(text)
    return parser


def section(text: str, name: str) -> str:
    found = re.search(rf'<section id="{name}">(.*?)</section>', text, re.DOTALL)
    return found[1]


def test_every_number_is_shown_with_its_source() -> None:
    words = " ".join(read(page(report(FULL))).words.split())
    for number in (
        *("0.851", "0.541", "4.303", "0.477"),  # t, mu, tau, p
        *("20.0", "−11.7"),  # meV an atom: perovskite above ground state, above the hull
        *("−15.1234", "100.0", "222.22"),  # a phase: eV a formula, meV above, Å³
        *("0.47", "1.81", "0.471", "1.813", "−2.951", "−1.609", "12.3"),  # vacancy
    ):
        assert number in words, number
    for source in (
        *("shannon1976", "record-of-Pnma", "record-of-delta", "record-of-vacancy"),
        *("cell of 160 atoms", "Pb (Fm-3m)", "I (Cmce)", "CsI (Pm-3m) + PbI2 (P-3m1)"),
        *("relaxation not converged", "not stable anywhere between these limits"),
        "ranked by the energy above the hull, smallest first",
    ):
        assert source in words, source


def test_the_page_loads_nothing_and_runs_no_other_script() -> None:
    text = page(report(FULL))
    assert read(text).loads == []
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text


def test_what_a_plan_says_is_text_never_markup() -> None:
    bad = '<img src=x onerror="alert(1)">'
    fall = Fall(stage=f"s{bad}", kind="filter", reason=f"r{bad}", detail=f"d{bad}")
    hostile = report(
        candidate(f"Cs{bad}", type=bad, family=bad, fall=fall, stability=STABILITY),
        title=bad,
        plan=f"# {bad} </script>",
        potential=bad,
        ranked_by=bad,
        calculations={bad: 1},
        failed={bad: 1},
    )
    parsed = read(page(hostile))
    assert parsed.loads == []
    assert parsed.words.count(bad) >= 8


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    fell = Fall(stage="stability", kind="physical", reason="connectivity changed", detail="2H")
    first = report(FULL, candidate("CsPbBr3", fall=fell))
    fallen = {"numerical": 1, "filter": 2}
    stages = [
        StageCount(stage="stability", entered=4, passed=1, fell=order)
        for order in (fallen, dict(reversed(fallen.items())))
    ]
    reports = [first.model_copy(update={"stages": [stage]}) for stage in stages]
    written = [
        [path.read_bytes() for path in write_report(made, tmp_path / str(index))]
        for index, made in enumerate(reports)
    ]
    assert written[0] == written[1]
    assert ScreeningReport.model_validate_json(written[0][0]).candidates == first.candidates
    names = {path.name for path in (tmp_path / "0").iterdir()}
    assert names == {"screening-report.html", "screening-report.json"}


def test_what_cannot_be_right_is_marked() -> None:
    text = page(report(FULL))
    assert "Phases differ: delta is lowest, these numbers are of Pnma" in text
    assert ">phases differ</td>" in text
    assert "phases differ" not in page(report(candidate("CsPbI3", tolerance=TOLERANCE)))


def test_survivors_come_by_rank_then_the_others_by_stage() -> None:
    stages = [
        StageCount(stage=name, entered=4, passed=4, fell={}) for name in ("tolerance", "stability")
    ]
    early = Fall(stage="tolerance", kind="filter", reason="not tau < 4", detail="tau is 5")
    late = early.model_copy(update={"stage": "stability"})
    made = report(
        candidate("CsPbF3", fall=early),
        candidate("CsPbCl3", fall=late),
        candidate("CsPbBr3", rank=3),
        FULL,
        candidate("CsSnI3", rank=1),
        stages=stages,
    )
    order = ["CsSnI3", "CsPbI3", "CsPbBr3", "CsPbCl3", "CsPbF3"]
    assert [entry.formula for entry in ranked(made)] == order


def test_columns_that_nobody_fills_are_left_out() -> None:
    radii_only = page(report(candidate("CsPbI3", tolerance=TOLERANCE)))
    heads = re.findall(r"<th scope=\"col\".*?>(.*?)</th>", section(radii_only, "candidates"))
    assert heads == ["Candidate", "Type", "Pb-free", "t", "μ", "τ", "p", "Outcome"]
    assert "halide vacancy, halide-poor" not in section(radii_only, "distributions")
    assert "halide vacancy, halide-poor" in section(page(report(FULL)), "distributions")


def reasons(of: ScreeningReport) -> list[str]:
    """The rows of the tables of reasons, a bar for each tag."""
    rows = re.findall(r"<tr>(.*?)</tr>", section(page(of), "reasons"))
    return [re.sub(r"<.*?>", "|", row) for row in rows]


def test_failures_are_counted_by_reason() -> None:
    radii, chains = ("filter", "not tau < 4"), ("physical", "connectivity changed")
    fallen = [
        candidate(f"CsPb{n}", fall=Fall(stage="stability", kind=kind, reason=reason, detail=""))
        for n, (kind, reason) in enumerate((radii, radii, chains))
    ]
    rows = reasons(report(FULL, *fallen))
    assert any("τ is 4 or more|" in line and "|2|" in line for line in rows)
    assert any("connectivity changed" in line and "|1|" in line for line in rows)
    assert any("relaxation not converged" in line and "|0.5 %|" in line for line in rows)
    assert any("|relax|" in line and "|12,345|" in line for line in rows)


def test_failed_phases_are_counted_together() -> None:
    failed = STABILITY.model_copy(update={"phases": [phase("Pnma", None), phase("R-3c", None)]})
    rows = reasons(report(candidate("CsPbI3", stability=failed)))
    assert any("calculation failed" in line and "|2|" in line for line in rows)
    assert not any("CsPbI3" in line for line in rows)


def test_each_part_of_a_defect_has_its_own_subscript() -> None:
    assert symbol_markup("E_A") == "E<sub>A</sub>"
    assert symbol_markup("V_Pb+2V_Br") == "V<sub>Pb</sub>+2V<sub>Br</sub>"
    assert symbol_markup("<I>") == "&lt;I&gt;"


def test_an_empty_report_is_a_page() -> None:
    words = read(page(report(stages=[], calculations={}, failed={}, force_calls={}))).words
    assert "The plan made no candidates." in words
    assert "No stage was run." in words


@pytest.mark.parametrize(("least", "step"), [(0.9, 1), (1.1, 2), (2.1, 2.5), (30, 50), (0.06, 0.1)])
def test_bins_have_widths_that_people_count_in(least: float, step: float) -> None:
    assert nice_step(least) == pytest.approx(step)


def test_every_value_falls_into_a_bin_and_outliers_into_the_outer_ones() -> None:
    values = [*(0.01 * n for n in range(-20, 21)), 9.0]
    bins = Bins.over(values, 0.0)
    assert bins.high < 9
    assert bins.index(9.0) == bins.last - bins.first - 1
    assert bins.beyond(values) == "The last bars hold 1 higher value, up to 9."
    assert bins.index(-1e-9) == bins.index(0.0) - 1  # the mark is an edge
    drawn = histograms({"3D": [(value, "passed") for value in values]}, "E", 0.0, "stable")
    counted = re.findall(r": (\d+) passed</title>", drawn)
    assert sum(map(int, counted)) == len(values)
