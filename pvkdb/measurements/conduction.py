"""Conduction mechanisms: the laws of the review's Table 3, fitted branch by branch.

The forms of the laws are in ``laws.csv``. They are fitted to ln|I|, so that noise is a share of the
current. Vetoes and rules with their sources: docs/measurements.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy import constants, stats

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Floats, Trace
from pvkdb.measurements.metrics import TAILS, Fit, Measured, fit, shipped
from pvkdb.measurements.sweeps import compliance, loops, reset_point, set_point

_K, _E, _M, _H = constants.k / constants.e, constants.e, constants.m_e, constants.hbar
#: Most points of a branch, fewest points, and the share of its largest voltage that is near zero.
_GROUPS, _FEWEST, _NEAR_ZERO = 100, 8, 0.01
#: Candidates have at least this share of the largest weight. They leave at most this share of the
#: current, or this multiple of the noise between neighbouring points.
_SHARE, _MISFIT, _NOISES = 0.01, 0.05, 2.0
#: Misfits below this share of the current are no evidence: contacts, heating and calibration.
_ERROR = 0.01
#: Permittivities from Schottky and Poole-Frenkel emission differ by 4: each may be off by 2.
_PERMITTIVITY = 2.0
#: Richardson constant of free electrons in A/(cm² K²), and the masses m*/m that it may be for.
_RICHARDSON, _MASSES = 120.17, (0.01, 10.0)
#: Barriers wider than this are not tunnelled through directly (Chiu 2014, section 2.2).
_TUNNEL_M = 10e-9
#: A branch that no law fits is halved so often, by its number of points.
_HALVINGS = 2
_SCHOTTKY, _POOLE = "Schottky emission", "Poole–Frenkel emission"
_HOPPING, _IONIC, _DIRECT = "Hopping conduction", "Ionic conduction", "Direct tunneling"
_EMISSIONS = (_SCHOTTKY, _POOLE, _HOPPING, _IONIC, "Thermionic-field emission")
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
    candidates: tuple[str, ...] = ()
    verdict: str = "undecided"
    note: str = ""
    would_decide: tuple[str, ...] = ()


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
    steep = (m - 1) * np.maximum(x - ln_v, 0)
    return x + steep - (m - 2) * np.maximum(x - ln_end, 0)


def _sinh(x: Floats) -> Floats:
    return x + np.log1p(-np.exp(-2 * x))


def _rectangle(v: Floats, kt: Floats, ln_ev: float, ln_s: float) -> Floats:
    barrier = np.exp(min(ln_ev, np.log(10 * v.max())))  # a higher one gives a sinh
    low, high = np.maximum(barrier - v / 2, 1e-3), barrier + v / 2
    s = np.exp(ln_s)
    current = low - high * np.exp(-s * (np.sqrt(high) - np.sqrt(low)))
    return np.asarray(np.log(current) - s * np.sqrt(low))


#: Powers of the largest voltage in parameters that are fitted as logarithms.
_SCALES = dict.fromkeys(("ln v_cross", "ln v_tfl", "ln trap_voltage", "ln tunnel_barrier"), 1)
_SCALES |= dict.fromkeys(("ln field_slope", "ln tunnel_slope"), -1)
_Shape: TypeAlias = tuple[Callable[..., Floats], Sequence[tuple[float, ...]]]
#: The shapes of ``laws.csv``: ln|I| of |V|, kT and the parameters, less a constant; and where the
#: fit starts if the largest voltage is 1 V.
_SHAPES: dict[str, _Shape] = {
    "linear": (lambda v, kt: np.log(v), [()]),
    "square": (lambda v, kt: 2 * np.log(v), [()]),
    "power": (lambda v, kt, m: m * np.log(v), [(2,)]),
    "crossover": (_crossover, [(-2,), (-1,), (0,)]),
    "traps": (_traps, [(size, -1) for size in (0.02, 0.1)]),
    "filling": (_filling, [(m, x) for m in (2.5, 5) for x in (-2, -1, -0.3)]),
    "filled": (
        _filling,
        [(m, y - x, y) for m in (3, 6, 10) for y in (-0.3, -1, -1.7) for x in (0.4, 0.8, 1.5)],
    ),
    "emission": (lambda v, kt, b: 2 * np.log(kt / _K) + b * np.sqrt(v) / kt, [(0.1,)]),
    "bulk_emission": (lambda v, kt, b: np.log(v) + b * np.sqrt(v) / kt, [(0.1,)]),
    "triangle": (lambda v, kt, b: 2 * np.log(v) - b / v, [(1,)]),
    "thermionic_field": (
        lambda v, kt, g: 0.5 * np.log(kt) + np.log(v) + g * v**2 * (300 * _K / kt) ** 3,
        [(0.1,)],
    ),
    "tilt": (lambda v, kt, a: a * v / kt, [(0.1,)]),
    "tilt_back": (lambda v, kt, ln_a: _sinh(np.exp(ln_a) * v / kt), [(-4,), (-2,), (0,), (2,)]),
    "exponential": (lambda v, kt, a: a * v, [(1,)]),
    "exponential_back": (lambda v, kt, ln_a: _sinh(np.exp(ln_a) * v), [(0,), (2,)]),
    "rectangle": (_rectangle, [(f, s) for f in (0.2, 1) for s in (1, 2.5)]),
}


def conduction(traces: Sequence[Trace], permittivity: float | None = None) -> list[Conduction]:
    """Return what every branch shows; sweeps at several temperatures are fitted together.

    ``permittivity`` is the optical one, relative.

    Raises:
        InputError: permittivity below 1, or a thickness that is not positive.
    """
    if permittivity is not None and not permittivity >= 1:
        raise InputError(f"permittivity {permittivity:g}: give n², which is at least 1")
    kelvins = {trace.setup.temperature_k for trace in traces}
    together = None not in kelvins and len(kelvins) > 1
    found = []
    for group in [list(traces)] if together else [[trace] for trace in traces]:
        d, area = (_shared(group, name) for name in ("thickness_m", "area_m2"))
        if d is not None and not d > 0:
            raise InputError(f"thickness {d * 1e9:g} nm: give a positive one")
        parts: dict[str, list[Floats]] = {}
        for trace in group:
            for name, x, y in _branches(trace):
                kelvin = np.full(len(x), trace.setup.temperature_k or np.nan)
                parts.setdefault(name, []).append(np.array([x, y, kelvin]))
        device = "all" if together else group[0].setup.device
        for name, points in parts.items():
            branch = _Branch(device, name, np.hstack(points), d, area, permittivity)
            found += _judged(branch, _HALVINGS)
    return found


def _shared(traces: Sequence[Trace], name: str) -> float | None:
    values = {getattr(trace.setup, name) for trace in traces}
    return values.pop() if len(values) == 1 else None


def _branches(trace: Trace) -> list[tuple[str, Floats, Floats]]:
    """The branches of all loops of a sweep: name, ln|V| and ln|I|.

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
    return [(n, *_grouped(*map(np.concatenate, zip(*b, strict=True)))) for n, b in every.items()]


def _grouped(v: Floats, i: Floats) -> tuple[Floats, Floats]:
    """ln v, sorted, and ln i; many points become the means of 100 groups of equal count."""
    order = np.argsort(v, kind="stable")
    edges = np.linspace(0, len(v), min(len(v), _GROUPS) + 1).astype(int)
    x, y = (np.add.reduceat(np.log(z[order]), edges[:-1]) / np.diff(edges) for z in (v, i))
    return x, y


@dataclass(frozen=True, slots=True)
class _Branch:
    """The points of a branch, and what is known of the device."""

    device: str
    name: str
    points: Floats  # ln|V|, ln|I| and temperature, NaN where it is not known
    thickness_m: float | None
    area_m2: float | None
    permittivity: float | None

    @property
    def v(self) -> Floats:
        return np.asarray(np.exp(self.points[0]))

    @property
    def kt(self) -> Floats:
        """kT in eV; 1 where it is not known."""
        return np.asarray(np.nan_to_num(self.points[2] * _K, nan=1.0))

    @property
    def kelvins(self) -> tuple[float, ...]:
        return tuple(float(kelvin) for kelvin in np.unique(self.points[2]) if kelvin > 0)

    @property
    def several(self) -> bool:
        return len(self.kelvins) > 1

    def activated(self, form: _Form) -> bool:
        return self.several and form["activated"] == "yes"

    def names(self, form: _Form) -> list[str]:
        """The parameters of a form; "ln …" is fitted as its logarithm."""
        names = form["parameters"].split(";") if form["parameters"] else []
        return [*names, *["energy_step"] * (self.several and form["shape"] == "crossover")]

    def fit(self, form: _Form) -> Fit | None:
        """The fit of ln|I| with a constant, the barrier at several temperatures, and the rest."""
        if form["temperatures"] == ("one" if self.several else "several"):
            return None
        v, kt, y = self.v, self.kt, self.points[1]
        shape, trials = _SHAPES[form["shape"]]
        head = np.column_stack([np.ones_like(v), -1 / kt])[:, : 1 + self.activated(form)]
        inverse, n, starts = np.linalg.pinv(head), head.shape[1], []
        scales = [_SCALES.get(name, 0) * np.log(v.max()) for name in self.names(form)]

        def model(_: Floats, *p: float) -> Floats:
            return head @ p[:n] + shape(v, kt, *p[n:])

        for trial in trials:
            rest = [a + b for a, b in itertools.zip_longest(trial, scales, fillvalue=0.0)]
            off = y - shape(v, kt, *rest)
            first = inverse @ off
            starts.append((float(np.sum((off - head @ first) ** 2)), [*first, *rest]))
        found = fit(model, np.arange(len(v), dtype=float), y, [min(starts)[1]])
        disordered = form["shape"] == "filled" and found and found.ends[0][-2] >= found.ends[0][-1]
        return None if disordered else found

    def noise(self) -> float:
        """Noise of ln|I| by the median distance of points from the line between neighbours."""
        x, y = self.points[:2]
        span = x[2:] - x[:-2]
        w = np.divide(x[1:-1] - x[:-2], span, out=np.full_like(span, 0.5), where=span > 0)
        off = (y[1:-1] - (1 - w) * y[:-2] - w * y[2:]) / np.sqrt(1 + w**2 + (1 - w) ** 2)
        return float(np.median(np.abs(off)) / stats.norm.ppf(0.75))


def _judged(branch: _Branch, halvings: int) -> list[Conduction]:
    """The verdict on a branch; where no law fits it, also on those halves that a law fits."""
    x = branch.points[0]
    ends = float(branch.v.min()), float(branch.v.max())
    laws = _laws(branch) if len(x) >= _FEWEST * max(1, len(branch.kelvins)) else ()
    candidates = tuple(law.law for law in laws if law.candidate)
    activation = _activation(branch) if branch.several else None
    found = Conduction(branch.device, branch.name, ends, len(x), branch.kelvins, laws, activation)
    if len(candidates) == 1:
        return [replace(found, verdict=candidates[0], candidates=candidates)]
    if candidates:
        wanted = _would_decide(branch, candidates)
        return [replace(found, candidates=candidates, would_decide=wanted)]
    if not laws:
        return [replace(found, note=f"fewer than {_FEWEST} points")]
    note = f"{laws[0].law} is the best of the laws and leaves {laws[0].misfit:.0%} of the current"
    if laws[0].vetoes:
        note = f"{laws[0].law} fits best and is excluded: {laws[0].vetoes[0]}"
    pieces = list[Conduction]()
    for half in (x < np.median(x), x >= np.median(x)) if halvings else ():
        part = replace(branch, points=branch.points[:, half])
        pieces += (piece for piece in _judged(part, halvings - 1) if piece.candidates)
    if not branch.several:  # some law fits nearly every short range, which decides nothing
        pieces = [replace(piece, verdict="undecided") for piece in pieces]
    return [replace(found, note=note), *pieces]


def _laws(branch: _Branch) -> tuple[LawFit, ...]:
    """The best form of every law with weight and vetoes, by weight."""
    forms = shipped("laws.csv")
    with np.errstate(all="ignore"):
        fits = {name: found for name, form in forms.items() if (found := branch.fit(form))}
    r = min(fits.values(), key=lambda found: found.deviation).correlation
    m, scores = len(branch.v), dict[str, float]()
    for name, found in fits.items():
        p, n = len(found.ends[0]) + 1, m * (1 - r) / (1 + r)
        scores[name] = n * np.log(found.deviation**2 + _ERROR**2) + 2 * p * m / (m - p - 1)
    # A form that is no better than the simpler one in it is that simpler one.
    simpler = {name: scores.get(forms[name]["contains"], np.inf) for name in fits}
    kept = sorted((n for n in fits if scores[n] < simpler[n]), key=lambda n: scores[n])
    limit, made = max(_MISFIT, _NOISES * branch.noise()), dict[str, LawFit]()
    for name in kept:
        law, misfit = forms[name]["law"], fits[name].deviation
        parameters = _parameters(branch, forms[name], fits[name])
        vetoes = tuple(_vetoes(branch, law, parameters))
        odds = float(np.exp((scores[kept[0]] - scores[name]) / 2))
        candidate = odds >= _SHARE and misfit <= limit and not vetoes
        if law not in made or (candidate and not made[law].candidate):
            formula = forms[name]["formula"]
            made[law] = LawFit(law, formula, odds, misfit, parameters, vetoes, candidate)
    total = sum(row.weight for row in made.values())
    laws = (replace(row, weight=row.weight / total) for row in made.values())
    return tuple(sorted(laws, key=lambda row: -row.weight))


def _parameters(branch: _Branch, form: _Form, found: Fit) -> tuple[Measured, ...]:
    """The parameters of a form, and what they say where thickness or area is known."""
    activated, law, d = branch.activated(form), form["law"], branch.thickness_m
    made = [found.metric("barrier", 1)] if activated else []
    for k, name in enumerate(branch.names(form), 1 + activated):
        word = name.removeprefix("ln ")
        unknown = word in ("lowering", "field_slope", "tfe_slope") and not branch.kelvins
        note = Measured(word, None, note="needs --temperature-k")
        made.append(note if unknown else found.metric(word, k, log=name != word))
    powers: dict[str, tuple[str, float, float]] = {}
    if d:
        image = _E / (4 * np.pi * constants.epsilon_0 * d) * {_SCHOTTKY: 1, _POOLE: 4}.get(law, 0)
        triangle = (4 * d * np.sqrt(2 * _M * _E) / (3 * _H)) ** (-2 / 3)
        mass = (_H * _E / d) ** 2 / (24 * _M * (300 * constants.k) ** 3)
        powers = {
            "lowering": ("permittivity", image, -2),
            "field_slope": ("hop_distance", (2 if law == _IONIC else 1) * d * 1e9, 1),
            "fn_slope": ("fn_barrier", triangle, 2 / 3),
            "tfe_slope": ("mass_ratio", mass, -1),
            "tunnel_width": ("mass_ratio", (_H / (2 * d)) ** 2 / (2 * _E * _M), 2),
        }
        if branch.permittivity:
            density = 2e-6 * branch.permittivity * constants.epsilon_0 / (_E * d**2)
            powers["v_tfl"] = ("trap_density", density, 1)
    if law == _SCHOTTKY and activated and branch.area_m2:
        made.append(found.metric("constant", 0, log=True))
        powers["constant"] = ("richardson", 1e-4 / branch.area_m2, 1)
    for metric in [metric for metric in made if metric.name in powers and metric.value]:
        name, scale, power = powers[metric.name]
        raw = (metric.value or 0.0, *(metric.ends or ()))
        value, *ends = (scale * max(x, 1e-9) ** power for x in raw)
        new = replace(metric, name=name, value=value, ends=(min(ends), max(ends)))
        made.append(replace(new, bound=">" if name == "trap_density" else ""))
    return tuple(metric for metric in made if metric.name != "constant")


def _vetoes(branch: _Branch, law: str, parameters: Sequence[Measured]) -> list[str]:
    """Why a law cannot be, by the intervals of its parameters."""
    d, top = branch.thickness_m, float(branch.v.max())
    known = {m.name: (m.value, *m.ends) for m in parameters if m.ends and m.value is not None}
    gain = max(known.get("lowering", (0.0,))[0], 0) * np.sqrt(top)
    positive = ("lowering", "field_slope", "fn_slope", "tfe_slope", "tunnel_slope")
    least, most = (_RICHARDSON * mass for mass in _MASSES)
    bounds = [(name, 0.0, np.inf, ": the current would fall with the voltage") for name in positive]
    bounds += [
        ("exponent", 2, np.inf, ""),
        ("richardson", least, most, "A/(cm² K²)"),
        ("hop_distance", 0, (d or 0) * 1e9, "nm, longer than the film is thick"),
        ("fn_barrier", branch.kt.min() if branch.kelvins else 0, np.inf, "eV, below kT"),
    ]
    if law in _EMISSIONS:
        bounds.append(("barrier", gain, np.inf, f"eV, lowered by {gain:.2g} eV at {top:.3g} V"))
    if optical := branch.permittivity:
        least, most = optical / _PERMITTIVITY, optical * _PERMITTIVITY
        bounds.append(("permittivity", least, most, f"from β, {optical:g} optical"))
    found = [
        f"{name.replace('_', ' ')} {known[name][0]:.3g} {text}".strip()
        for name, least, most, text in bounds
        if name in known and (known[name][2] < least or known[name][1] > most)
    ]
    if law == _DIRECT and d and d > _TUNNEL_M:
        found.append(f"thickness {d * 1e9:g} nm, above {_TUNNEL_M * 1e9:g} nm")
    return found


def _activation(branch: _Branch) -> Measured:
    """The activation energy of the current at the middle of the common range of voltages."""
    parts = [branch.points[:, branch.points[2] == kelvin] for kelvin in branch.kelvins]
    low, high = max(x[0] for x, _, _ in parts), min(x[-1] for x, _, _ in parts)
    if low >= high or len(parts) < 3:
        why = f"{len(parts)} temperatures; an activation energy needs 3 with common voltages"
        return Measured("activation_energy", None, note=why)
    u = [-1 / (_K * kelvin) for kelvin in branch.kelvins]
    line = stats.linregress(u, [np.interp((low + high) / 2, x, y) for x, y, _ in parts])
    value, half = float(line.slope), float(stats.t.ppf(TAILS[1], len(u) - 2) * line.stderr)
    note = f"at {np.exp((low + high) / 2):.3g} V, {len(u)} temperatures"
    how = "Student, from the regression"
    return Measured("activation_energy", value, (value - half, value + half), how, note=note)


def _would_decide(branch: _Branch, candidates: Sequence[str]) -> tuple[str, ...]:
    """What is not known, or was not measured, and may tell the candidates apart."""
    emission, d = {_SCHOTTKY, _POOLE} & {*candidates}, branch.thickness_m
    by_thickness = {*_EMISSIONS, _DIRECT, "Fowler–Nordheim tunneling"} & {*candidates}
    wanted = {
        "sweeps at several temperatures, --temperature-k for each FILE": not branch.several,
        "--temperature-k": emission and not branch.kelvins,
        "--permittivity-optical": emission and not branch.permittivity,
        "--area-um2, for the Richardson constant": _SCHOTTKY in emission and not branch.area_m2,
        "--thickness-nm": by_thickness and not d,
        "the decay after a pulse, exponential for ions (review, section 3.3.1)": (
            {_HOPPING, _IONIC} <= {*candidates}
        ),
    }
    return tuple(text for text, missing in wanted.items() if missing)
