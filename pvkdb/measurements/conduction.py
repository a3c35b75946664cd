"""Conduction mechanisms: the laws of the review's Table 3, fitted branch by branch.

The forms of the laws are in ``laws.csv``. They are fitted to ln|I|, so that noise is a share of the
current. Vetoes and rules with their sources: docs/measurements.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from scipy import constants, stats

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Floats, Trace, shipped
from pvkdb.measurements.metrics import Fit, Measured, fit
from pvkdb.measurements.sweeps import compliance, loops, reset_point, set_point, slope

_K, _E, _M, _H = constants.k / constants.e, constants.e, constants.m_e, constants.hbar
#: Most points of a branch, fewest points, and the share of its largest voltage that is near zero.
_GROUPS, _FEWEST, _NEAR_ZERO = 100, 8, 0.01
#: Candidates have at least this share of the largest weight. They leave at most this share of the
#: current, or this multiple of the noise between neighbouring points.
_SHARE, _MISFIT, _NOISES = 0.01, 0.05, 2.0
#: Misfits below this share of the current do not count: contacts, heating and calibration.
_ERROR = 0.01
_SCHOTTKY, _POOLE = "Schottky emission", "Poole–Frenkel emission"
_HOPPING, _IONIC, _DIRECT = "Hopping conduction", "Ionic conduction", "Direct tunneling"
_EMISSIONS = (_SCHOTTKY, _POOLE, _HOPPING, _IONIC, "Thermionic-field emission")
_THERMAL = ("lowering", "field_slope", "tfe_slope")  # parameters that need kT
_Form: TypeAlias = dict[str, str]  # a row of laws.csv


@dataclass(frozen=True, slots=True)
class LawFit:
    """A law's best form on a branch; its weight is by AICc, before the vetoes."""

    law: str
    formula: str
    weight: float
    misfit: float  # root mean square of the residuals of ln|I|
    parameters: tuple[Measured, ...]
    vetoes: tuple[str, ...]
    candidate: bool


@dataclass(frozen=True, slots=True)
class Conduction:
    """What a branch, or a part of it, shows: a law, or "undecided" between the candidates."""

    device: str
    branch: str
    range_v: tuple[float, float]
    points: int
    temperatures_k: tuple[float, ...]
    laws: tuple[LawFit, ...]  # by weight
    activation: Measured | None
    candidates: tuple[str, ...]
    verdict: str
    note: str
    would_decide: tuple[str, ...]


def _crossover(v: Floats, kt: Floats, ln_v: float, step_ev: float = 0.0) -> Floats:
    """Ohmic current and Mott-Gurney current together, each with its activation energy."""
    x = np.log(v)
    more = np.logaddexp(0, x - ln_v - step_ev * (1 / kt - (1 / kt).mean()))
    return np.asarray(x + more)


def _traps(v: Floats, kt: Floats, trap_ev: float, ln_v: float) -> Floats:
    t = trap_ev / kt
    size = (t + 1) * np.log((2 * t + 1) / (t + 1)) + t * np.log(t / (t + 1))
    return (t + 1) * np.log(v) - t * ln_v + size


def _filling(v: Floats, kt: Floats, m: float, ln_v: float, ln_end: float = np.inf) -> Floats:
    """Ohmic, steeper while traps fill, and the square law once they are filled."""
    x = np.log(v)
    return x + (m - 1) * np.maximum(x - ln_v, 0) - (m - 2) * np.maximum(x - ln_end, 0)


def _sinh(x: Floats) -> Floats:
    return x + np.log1p(-np.exp(-2 * x))


def _rectangle(v: Floats, kt: Floats, ln_ev: float, ln_s: float) -> Floats:
    barrier = np.exp(min(ln_ev, np.log(10 * v.max())))  # a higher one gives a sinh
    low, high = np.maximum(barrier - v / 2, 1e-3), barrier + v / 2
    s = np.exp(ln_s)
    current = low - high * np.exp(-s * (np.sqrt(high) - np.sqrt(low)))
    return np.asarray(np.log(current) - s * np.sqrt(low))


#: Powers of the largest voltage by which the starts of logarithms in ``laws.csv`` are scaled.
_SCALES = dict.fromkeys(("ln v_cross", "ln v_tfl", "ln trap_voltage", "ln tunnel_barrier"), 1)
_SCALES |= dict.fromkeys(("ln field_slope", "ln tunnel_slope"), -1)
#: The shapes of ``laws.csv``: ln|I| of |V|, kT and the parameters, less a constant.
_SHAPES: dict[str, Callable[..., Floats]] = {
    "linear": lambda v, kt: np.log(v),
    "square": lambda v, kt: 2 * np.log(v),
    "power": lambda v, kt, m: m * np.log(v),
    "crossover": _crossover,
    "traps": _traps,
    "filling": _filling,
    "emission": lambda v, kt, b: 2 * np.log(kt / _K) + b * np.sqrt(v) / kt,
    "bulk_emission": lambda v, kt, b: np.log(v) + b * np.sqrt(v) / kt,
    "triangle": lambda v, kt, b: 2 * np.log(v) - b / v,
    "thermionic_field": lambda v, kt, g: np.log(np.sqrt(kt) * v) + g * v**2 * (300 * _K / kt) ** 3,
    "tilt": lambda v, kt, a: a * v / kt,
    "tilt_back": lambda v, kt, ln_a: _sinh(np.exp(ln_a) * v / kt),
    "exponential": lambda v, kt, a: a * v,
    "exponential_back": lambda v, kt, ln_a: _sinh(np.exp(ln_a) * v),
    "rectangle": _rectangle,
}


def conduction(
    traces: Sequence[Trace], permittivity_optical: float | None = None
) -> list[Conduction]:
    """Return what every branch shows; sweeps at several temperatures are fitted together.

    Raises:
        InputError: permittivity below 1.
    """
    optical = permittivity_optical
    if optical is not None and not optical >= 1:
        raise InputError(f"permittivity {optical:g}: give n², which is at least 1")
    kelvins = {trace.setup.temperature_k for trace in traces}
    together = None not in kelvins and len(kelvins) > 1
    every = [(trace, _branches(trace)) for trace in traces]
    found = []
    for group in [every] if together else [[each] for each in every]:
        fields = ({getattr(t.setup, n) for t, _ in group} for n in ("thickness_m", "area_m2"))
        d, area = (values.pop() if len(values) == 1 else None for values in fields)
        parts: dict[str, list[Floats]] = {}
        for trace, branches in group:
            for name, (x, y) in branches.items():
                kt = np.full(len(x), _K * (trace.setup.temperature_k or 1 / _K))
                parts.setdefault(name, []).append(np.array([x, y, kt]))
        device = "all" if together else group[0][0].setup.device
        known = tuple(sorted({t.setup.temperature_k for t, _ in group if t.setup.temperature_k}))
        for name, points in parts.items():
            x, y, kt = np.hstack(points)
            scaling = None if together else _thickness_slope(name, every)
            branch = _Branch(x, y, kt, known, d, area, optical, scaling)
            found.append(_judged(device, name, branch))
    return found


def _thickness_slope(name: str, every: Sequence[tuple[Trace, Any]]) -> Measured | None:
    """The slope over ln d less that of SCLC, J ~ V^m/d^(2m − 1): 0, or m − 1 for a law of V/d.

    M. A. Lampert and P. Mark, Current Injection in Solids (1970): J/d is a function of V/d². None
    where fewer than three thicknesses, or not all areas, are known.
    """
    found = [(t.setup.thickness_m, t.setup.area_m2, *b[name]) for t, b in every if name in b]
    members = [(d, area, x, y) for d, area, x, y in found if d and area and len(x) >= _FEWEST]
    if len(members) < len(found) or len({d for d, *_ in members}) < 3:
        return None
    m = np.mean([np.polyfit(x, y, 1)[0] for *_, x, y in members])
    parts = [(x, y - np.log(area) + (2 * m - 1) * np.log(d)) for d, area, x, y in members]
    return _at_middle("thickness_slope", np.log([d for d, *_ in members]), parts, "thicknesses")


def _branches(trace: Trace) -> dict[str, tuple[Floats, Floats]]:
    """The branches of all loops of a sweep by their names: ln|V| and ln|I|.

    A branch ends before a SET, at a RESET and below a current limit.
    """
    limit, every = compliance(trace), dict[str, list[tuple[Floats, Floats]]]()
    most = 0.99 * limit.value if limit and limit.value else np.inf
    for loop in loops(trace):
        ends = [reset_point(loop), set_point(loop) if loop.back.stop else None]
        end = min((at for at in ends if at is not None), default=loop.out.stop)
        for way, part in (("out", slice(loop.out.start, end)), ("back", loop.back)):
            v, i = np.abs(trace.voltage_v[part]), trace.current_a[part]
            i = i * (1 if np.sum(i > 0) >= len(i) / 2 else -1)
            used = (i > 0) & (i < most) & (v > _NEAR_ZERO * v.max(initial=0.0))
            if used.any():
                name = f"{'+' if loop.positive else '−'} {way}"
                every.setdefault(name, []).append((v[used], i[used]))
    return {n: _grouped(*map(np.concatenate, zip(*b, strict=True))) for n, b in every.items()}


def _grouped(v: Floats, i: Floats) -> tuple[Floats, Floats]:
    """ln v, sorted, and ln i; many points become the means of 100 groups of equal count."""
    order = np.argsort(v, kind="stable")
    edges = np.linspace(0, len(v), min(len(v), _GROUPS) + 1).astype(int)
    x, y = (np.add.reduceat(np.log(z[order]), edges[:-1]) / np.diff(edges) for z in (v, i))
    return x, y


@dataclass(frozen=True, slots=True)
class _Branch:
    """The points of a branch, and what is known of the device."""

    x: Floats  # ln|V|
    y: Floats  # ln|I|
    kt: Floats  # eV; 1 where it is not known
    kelvins: tuple[float, ...]
    thickness_m: float | None
    area_m2: float | None
    permittivity: float | None
    scaling: Measured | None

    @property
    def several(self) -> bool:
        return len(self.kelvins) > 1

    def names(self, form: _Form) -> list[str]:
        """The constant and the parameters of a form; "ln …" is fitted as a logarithm."""
        names = ["ln constant"] + ["barrier"] * (self.several and form["activated"] == "yes")
        names += filter(None, form["parameters"].split(";"))
        return [name.rstrip("*") for name in names if self.several or name[-1] != "*"]

    def fit(self, form: _Form) -> Fit | None:
        """The fit of ln|I|, from the best of the starts."""
        if form["temperatures"] == ("one" if self.several else "several"):
            return None
        v, kt, y, names = np.exp(self.x), self.kt, self.y, self.names(form)
        shape, n = _SHAPES[form["shape"]], 1 + ("barrier" in names)
        head = np.column_stack([np.ones_like(v), -1 / kt])[:, :n]
        inverse, scales = np.linalg.pinv(head), [_SCALES.get(name, 0) for name in names[n:]]

        def model(_: Floats, *p: float) -> Floats:
            return head @ p[:n] + shape(v, kt, *p[n:])

        starts = []
        for text in form["starts"].split(";"):
            trial = itertools.zip_longest(map(float, text.split()), scales, fillvalue=0.0)
            rest = [start + scale * self.x.max() for start, scale in trial]
            first = inverse @ (y - shape(v, kt, *rest))
            starts.append([*first, *rest])
        best = min(starts, key=lambda p: float(np.sum((y - model(v, *p)) ** 2)))
        found = fit(model, np.arange(len(v), dtype=float), y, [best])
        if found and form["shape"] == "filling":  # both ends of the steep part are seen
            kinks = [self.x.min(), *found.ends[0][n + 1 :], self.x.max()]
            return found if (np.diff(kinks) > 0).all() else None
        return found

    def noise(self) -> float:
        """Noise of ln|I| by the median distance of points from the middle of their neighbours."""
        off = np.abs(self.y[1:-1] - (self.y[:-2] + self.y[2:]) / 2) / np.sqrt(1.5)
        return float(np.median(off) / stats.norm.ppf(0.75))


def _judged(device: str, name: str, branch: _Branch) -> Conduction:
    """The verdict on a branch."""
    points, ends = len(branch.x), (float(np.exp(x)) for x in (branch.x.min(), branch.x.max()))
    laws = _laws(branch) if points >= _FEWEST * max(1, len(branch.kelvins)) else ()
    candidates = tuple(law.law for law in laws if law.candidate)
    verdict, note = candidates[0] if len(candidates) == 1 else "undecided", ""
    if not candidates:
        note = f"fewer than {_FEWEST} points"
        for best in laws[:1]:
            why = f"is excluded: {best.vetoes[0]}" if best.vetoes else f"leaves {best.misfit:.0%}"
            note = f"{best.law} fits best and {why}"
    wanted = _would_decide(branch, candidates) if len(candidates) > 1 else ()
    levels, energy, (low, high) = np.unique(branch.kt), None, ends
    if branch.several:
        parts = [(branch.x[branch.kt == kt], branch.y[branch.kt == kt]) for kt in levels]
        energy = _at_middle("activation_energy", -1 / levels, parts, "temperatures")
    known = (name, (low, high), points, branch.kelvins, laws, energy)
    return Conduction(device, *known, candidates, verdict, note, wanted)


def _laws(branch: _Branch) -> tuple[LawFit, ...]:
    """The best form of every law with weight and vetoes, by weight."""
    forms = shipped("laws.csv")
    with np.errstate(all="ignore"):
        fits = {name: found for name, form in forms.items() if (found := branch.fit(form))}
    r = min(fits.values(), key=lambda found: found.deviation).correlation
    m, scores = len(branch.x), dict[str, float]()
    for name, found in fits.items():
        p, n = len(found.ends[0]) + 1, m * (1 - r) / (1 + r)
        scores[name] = n * np.log(found.deviation**2 + _ERROR**2) + 2 * p * m / (m - p - 1)
    # A form that contains a simpler one counts only where it fits better.
    simpler = {name: scores.get(forms[name]["contains"], np.inf) for name in fits}
    kept = sorted((n for n in fits if scores[n] < simpler[n]), key=lambda n: scores[n])
    limit, made = max(_MISFIT, _NOISES * branch.noise()), dict[str, LawFit]()
    for name in kept:
        law, misfit = forms[name]["law"], fits[name].deviation
        parameters = _parameters(branch, forms[name], fits[name])
        vetoes = tuple(_vetoes(branch, law, parameters))
        odds = float(np.exp((scores[kept[0]] - scores[name]) / 2))
        share = odds >= _SHARE or (name == "ohmic" and misfit <= _MISFIT)  # contacts bend a line
        candidate = share and misfit <= limit and not vetoes
        if law not in made or (candidate and not made[law].candidate):
            formula = forms[name]["formula"]
            made[law] = LawFit(law, formula, odds, misfit, parameters, vetoes, candidate)
    total = sum(row.weight for row in made.values())
    laws = (replace(row, weight=row.weight / total) for row in made.values())
    return tuple(sorted(laws, key=lambda row: -row.weight))


def _parameters(branch: _Branch, form: _Form, found: Fit) -> tuple[Measured, ...]:
    """The parameters of a form, and what they say where thickness or area is known."""
    law, d = form["law"], branch.thickness_m
    made = [
        found.metric(name.removeprefix("ln "), k, log=name.startswith("ln "))
        for k, name in enumerate(branch.names(form))
        if branch.kelvins or name.removeprefix("ln ") not in _THERMAL
    ]
    powers: dict[str, tuple[str, float, float]] = {}
    if law == _SCHOTTKY and branch.several and branch.area_m2:
        powers["constant"] = ("richardson", 1e-4 / branch.area_m2, 1)
    if d:
        image = _E / (4 * np.pi * constants.epsilon_0 * d) * {_SCHOTTKY: 1, _POOLE: 4}.get(law, 0)
        triangle = (4 * d * np.sqrt(2 * _M * _E) / (3 * _H)) ** (-2 / 3)
        mass = (_H * _E / d) ** 2 / (24 * _M * (300 * constants.k) ** 3)
        density = 2e-6 * constants.epsilon_0 * (branch.permittivity or 0) / (_E * d**2)
        powers |= {
            "lowering": ("permittivity", image, -2),
            "field_slope": ("hop_distance", (2 if law == _IONIC else 1) * d * 1e9, 1),
            "fn_slope": ("fn_barrier", triangle, 2 / 3),
            "tfe_slope": ("mass_ratio", mass, -1),
            "tunnel_width": ("mass_ratio", (_H / (2 * d)) ** 2 / (2 * _E * _M), 2),
            "v_tfl": ("trap_density", density, 1),
        }
    for metric in [metric for metric in made if metric.name in powers]:
        name, scale, power = powers[metric.name]
        raw = (metric.value or 0.0, *(metric.ends or ()))
        value, *ends = (scale * min(max(x, 1e-9), 1e90) ** power for x in raw)
        bound, sorted_ends = ">" if name == "trap_density" else "", (min(ends), max(ends))
        if scale:
            made.append(replace(metric, name=name, value=value, ends=sorted_ends, bound=bound))
    made += [branch.scaling] if branch.scaling and law == "SCLC" else []
    return tuple(metric for metric in made if metric.name != "constant")


def _vetoes(branch: _Branch, law: str, parameters: Sequence[Measured]) -> list[str]:
    """Why a law cannot be, by the intervals of its parameters."""
    d, top = branch.thickness_m, float(np.exp(branch.x.max()))
    known = {m.name: (m.value, *m.ends) for m in parameters if m.ends and m.value is not None}
    rows = shipped("vetoes.csv").items()
    bounds = {name: (float(row["least"]), float(row["most"]), row["why"]) for name, row in rows}
    bounds["hop_distance"] = (0, (d or np.inf) * 1e9, "nm, longer than the film is thick")
    bounds["fn_barrier"] = (branch.kt.min() if branch.kelvins else 0, np.inf, "eV, below kT")
    if law in _EMISSIONS:
        gain = max(known.get("lowering", (0.0,))[0], 0) * np.sqrt(top)
        bounds["barrier"] = (gain, np.inf, f"eV, lowered by {gain:.2g} eV at {top:.3g} V")
    if optical := branch.permittivity:
        # Those of Schottky and Poole-Frenkel emission differ by 4: each may be off by 2.
        bounds["permittivity"] = (optical / 2, optical * 2, f"from β, {optical:g} optical")
    if law == _DIRECT and d:
        known["thickness"] = (d * 1e9,) * 3
    return [
        f"{name.replace('_', ' ')} {known[name][0]:.3g} {text}".strip()
        for name, (least, most, text) in bounds.items()
        if name in known and (known[name][2] < least or known[name][1] > most)
    ]


def _at_middle(name: str, over: Floats, parts: Any, what: str) -> Measured:
    """The slope of ln|I| over something at the middle of the common range of voltages."""
    middle = (max(x[0] for x, _ in parts) + min(x[-1] for x, _ in parts)) / 2
    y = np.array([np.interp(middle, x, y, np.nan, np.nan) for x, y in parts])
    seen = np.isfinite(y)
    return slope(name, over[seen], y[seen], f"{what} at {np.exp(middle):.3g} V")


def _would_decide(branch: _Branch, candidates: Sequence[str]) -> tuple[str, ...]:
    """What to measure, or to state, to choose between the candidates."""
    one, d = {*candidates}, branch.thickness_m
    image, ions = one & {_SCHOTTKY, _POOLE}, "the decay after a pulse, exponential for ions"
    wanted = {
        "sweeps at several temperatures, --temperature-k for each FILE": not branch.several,
        "--temperature-k": image and not branch.kelvins,
        "--permittivity-optical": image and not branch.permittivity,
        "--area-um2, for the Richardson constant": _SCHOTTKY in image and not branch.area_m2,
        "three thicknesses, with --area-um2": "SCLC" in one and not branch.scaling,
        "--thickness-nm": not d and one & {*_EMISSIONS, _DIRECT, "Fowler–Nordheim tunneling"},
        f"{ions} (review, section 3.3.1)": one >= {_HOPPING, _IONIC},
    }
    return tuple(text for text, missing in wanted.items() if missing)
