"""The page of a screening report: funnel, candidates, distributions, reasons, method, plan."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from html import escape
from importlib import resources
from string import Template

from pvkdb.chemistry.platt import SOURCE
from pvkdb.chemistry.tolerance import TAU_LIMIT
from pvkdb.schemas.screening import ScreenedCandidate, ScreeningReport, StageCount
from pvkdb_pipelines.screening.report.plots import Groups, histograms
from pvkdb_pipelines.screening.report.reasons import reasons
from pvkdb_pipelines.screening.report.table import candidates_table
from pvkdb_pipelines.screening.report.text import OUTCOMES, Outcome, css_class, outcome_of

# The policy forbids every request and every script but the one of the page.
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-$digest'">
<title>$title</title>
<style>
$style</style>
</head>
<body>
$body
<script>$script</script>
</body>
</html>
""")


def page(report: ScreeningReport) -> str:
    """The report as one HTML text that loads nothing."""
    script = _file("report.js")
    sections = (
        ("funnel", "The funnel", _funnel(report)),
        ("candidates", "Candidates", _candidates(report)),
        ("distributions", "Distributions", _distributions(report)),
        ("reasons", "Why candidates fell", reasons(report)),
        ("method", "What the numbers mean", _method(report)),
        ("plan", "The plan", f"<pre><code>{escape(report.plan)}</code></pre>"),
    )
    links = "".join(f'<a href="#{name}">{title}</a> ' for name, title, _ in sections)
    body = "\n".join(
        f'<section id="{name}"><h2>{title}</h2>\n{content}</section>'
        for name, title, content in sections
    )
    return _PAGE.substitute(
        title=escape(report.title),
        style=_file("report.css"),
        body=f"{_head(report)}<nav>{links}</nav>\n{body}",
        script=script,
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _file(name: str) -> str:
    return (resources.files("pvkdb_pipelines.screening") / name).read_text(encoding="utf-8")


def _head(report: ScreeningReport) -> str:
    survivors = [candidate for candidate in report.candidates if candidate.fall is None]
    cards = (
        (f"{len(report.candidates):,}", "candidates"),
        (f"{len(survivors):,}", "passed every stage"),
        (f"{sum(candidate.lead_free for candidate in survivors):,}", "of these without lead"),
        (f"{sum(report.calculations.values()):,}", "calculations"),
        (f"{sum(report.failed.values()):,}", "of these failed"),
        (f"{sum(report.force_calls.values()):,}", "force calls"),
        (f"{report.core_hours:,.2f}", "core-hours"),
    )
    items = "".join(f"<li><b>{value}</b>{label}</li>" for value, label in cards)
    return (
        f"<header><h1>{escape(report.title)}</h1>"
        f'<p class="soft">Screening with {escape(report.potential)}, '
        f"pvkdb {escape(report.pvkdb_version)}</p>"
        f'<ul class="cards">{items}</ul></header>'
    )


def _funnel(report: ScreeningReport) -> str:
    if not report.stages:
        return '<p class="soft">No stage was run.</p>'
    widest = max(stage.entered for stage in report.stages) or 1
    stages = "".join(_stage(stage, widest) for stage in report.stages)
    counts = [report.stages[0].entered, *(stage.passed for stage in report.stages)]
    steps = " → ".join(f"{count:,}" for count in counts)
    return f'<p class="steps">{steps}</p>{_legend()}<ol class="stages">{stages}</ol>'


def _stage(stage: StageCount, widest: int) -> str:
    counts: dict[Outcome, int] = {"passed": stage.passed}
    counts.update(stage.fell.items())
    bar = "".join(
        f'<i class="{css_class(outcome)}" style="width:{100 * counts[outcome] / widest:.2f}%" '
        f'title="{counts[outcome]:,} {outcome}"></i>'
        for outcome in OUTCOMES
        if counts.get(outcome)
    )
    fell = ", ".join(f"{n:,} {kind}" for kind, n in stage.fell.items() if n)
    said = f"fell: {fell}" if fell else "none fell"
    return (
        f"<li><b>{escape(stage.stage)}</b> "
        f"<span>{stage.entered:,} entered, {stage.passed:,} passed</span>"
        f'<div class="bar">{bar}</div><small>{said}</small></li>'
    )


def _legend() -> str:
    """What the colours of the whole page mean."""
    items = "".join(
        f'<li><i class="{css_class(outcome)}"></i><b>{outcome}</b> {meaning}</li>'
        for outcome, meaning in OUTCOMES.items()
    )
    return f'<ul class="legend">{items}</ul>'


def _candidates(report: ScreeningReport) -> str:
    if not report.candidates:
        return '<p class="soft">The plan made no candidates.</p>'
    families = dict.fromkeys(candidate.family for candidate in report.candidates)
    stages = dict.fromkeys(c.fall.stage for c in report.candidates if c.fall)
    kinds = {outcome_of(candidate) for candidate in report.candidates}
    outcomes: dict[str, str] = {f"outcome:{kind}": kind for kind in OUTCOMES if kind in kinds}
    outcomes |= {f"stage:{name}": f"fell at {name}" for name in stages}
    return f"""<p>Survivors come first{_ranking(report)}; then those that came farther, among equals
those that cost more to decompose. Open a formula for its radii, its phases, its calculations and
why it fell.</p>
<form id="candidates-filter" hidden>
<label>Find <input type="search" name="text" placeholder="Cs Br, delta, tau …"></label>
<label>Family <select name="family">{_options({name: name for name in families})}</select></label>
<label>Outcome <select name="outcome">{_options(outcomes)}</select></label>
<label><input type="checkbox" name="lead-free"> without lead</label>
<output></output>
</form>
{candidates_table(report)}"""


def _ranking(report: ScreeningReport) -> str:
    if not report.ranked_by:
        return ""
    column = report.ranked_by.removeprefix("-")
    end = "largest" if report.ranked_by.startswith("-") else "smallest"
    return f", ranked by <code>{escape(column)}</code>, {end} first"


def _options(choices: Mapping[str, str]) -> str:
    return '<option value="">all</option>' + "".join(
        f'<option value="{escape(value)}">{escape(label)}</option>'
        for value, label in choices.items()
    )


def _distributions(report: ScreeningReport) -> str:
    figures = (
        histograms(
            _by_family(report, _tau), "τ", TAU_LIMIT, f"{TAU_LIMIT}, limit of Bartel et al."
        ),
        histograms(
            _by_family(report, _decomposition),
            "decomposition energy (meV/atom)",
            0.0,
            "stable to the right",
        ),
        histograms(
            _by_family(report, _perovskite_above),
            "perovskite above ground state (meV/atom)",
            0.0,
            "is the ground state",
        ),
        histograms(
            _by_family(report, _vacancy_x_poor),
            "halide vacancy, halide-poor (eV)",
            0.0,
            "forms by itself to the left",
        ),
        histograms(
            _by_family(report, _vacancy_x_rich),
            "halide vacancy, halide-rich (eV)",
            0.0,
            "forms by itself to the left",
        ),
        histograms(
            _by_family(report, _e_a),
            "activation energy of the halide vacancy (eV)",
            0.0,
            "moves freely",
        ),
    )
    drawn = "".join(figures)
    if not drawn:
        return '<p class="soft">No candidate has numbers to show.</p>'
    return (
        "<p>Candidates by family, in the colours of the funnel; the number of candidates in each "
        f'bar stands upwards.</p><div class="figures">{drawn}</div>'
    )


def _by_family(
    report: ScreeningReport, value_of: Callable[[ScreenedCandidate], float | None]
) -> Groups:
    groups: defaultdict[str, list[tuple[float, Outcome]]] = defaultdict(list)
    for candidate in report.candidates:
        value = value_of(candidate)
        if value is not None:
            groups[candidate.family].append((value, outcome_of(candidate)))
    return groups


def _tau(candidate: ScreenedCandidate) -> float | None:
    return candidate.tolerance.tau if candidate.tolerance else None


def _decomposition(candidate: ScreenedCandidate) -> float | None:
    stability = candidate.stability
    return _mev(stability.decomposition_ev_per_atom) if stability else None


def _perovskite_above(candidate: ScreenedCandidate) -> float | None:
    stability = candidate.stability
    return _mev(stability.perovskite_above_ground_state_ev_per_atom) if stability else None


def _vacancy_x_poor(candidate: ScreenedCandidate) -> float | None:
    return candidate.vacancy.x_poor_ev if candidate.vacancy else None


def _vacancy_x_rich(candidate: ScreenedCandidate) -> float | None:
    return candidate.vacancy.x_rich_ev if candidate.vacancy else None


def _e_a(candidate: ScreenedCandidate) -> float | None:
    return candidate.migration.e_a_ev if candidate.migration else None


def _mev(energy_ev: float | None) -> float | None:
    return None if energy_ev is None else 1000 * energy_ev


def _method(report: ScreeningReport) -> str:
    facts = (
        ("Potential", escape(report.potential)),
        ("pvkdb", escape(report.pvkdb_version)),
        ("Probability p", escape(SOURCE)),
    )
    items = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return f"<dl>{items}</dl>{_MEANING}"


_MEANING = """<ul>
<li><b>Model values.</b> Every energy is that of relaxed cells with the one potential named above,
without temperature. Energies of two potentials are never compared.</li>
<li><b>Rank, do not cut sharply.</b> Measured on twelve ABX<sub>3</sub> halides with CHGNet and
SevenNet-0, decomposition energies had the order Cl &gt; Br &gt; I right and were too high by 0.1
to 0.3 eV. Who falls by a little deserves a second look; who survives, a second potential and
DFT.</li>
<li><b>Decomposition energy</b>: what it costs to decompose into the lowest mixture of the
competing compounds that were relaxed, per atom of the candidate. Positive is stable, negative is
not. A competitor that nobody computed is not in it.</li>
<li><b>Perovskite above ground state</b>: the lowest phase with corner-sharing octahedra against
the lowest phase of all that were tried. 0 means that it is the lowest.</li>
<li><b>Halide vacancy</b>: formation energy of the neutral vacancy in the lowest phase of the
type, E(vacancy) − E(host) + μ<sub>X</sub>, between two limits of the chemical potential of the
halide. Poor: the metal is about to appear beside its halide; rich: the solid halogen is. The cell
is neutral, since the potentials know no charge.</li>
<li><b>E<sub>A</sub></b>: the highest saddle of the easiest path by which a neutral halide vacancy
leads through the crystal, above its lowest site, over all hops that symmetry tells apart. The
first potential named in the plan gives the value, the others the spread; neither gives absolute
barriers of experiments.</li>
<li><b>t, μ, τ and p</b> depend on the radii, whose source stands with every candidate. τ and p are
empty where r<sub>A</sub> is not above r<sub>B</sub>.</li>
<li><b>Physical</b> falls are results. <b>Numerical</b> ones say nothing about the compound.</li>
</ul>
<p>screening-report.json, beside this page, has every number in full.</p>"""
