"""Whether the intervals of ``pvkdb measure`` hold the truth.

Measurements are made up from a known truth and noise, and measured 300 times each; the share of
intervals at 90 % that hold the truth is the coverage. Sweeps of the laws of conduction are judged
200 times each. Writes docs/validation/measurements.md.
Run: ``python -m validation.devices.measurements`` (ten minutes on one core), or one of its parts:
``python -m validation.devices.measurements intervals``, ``laws``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import numpy as np
from scipy import constants, stats

from pvkdb.measurements import memory, plasticity, sweeps
from pvkdb.measurements.forms import (
    AreaSeries,
    Cycles,
    Decay,
    Floats,
    Pairs,
    PulseTrain,
    Setup,
    Trace,
)
from pvkdb.measurements.metrics import Measured
from validation.devices.conduction_laws import KELVINS, judged, truths
from validation.pages import FOLDER, row, texts

TEXTS = texts(__file__)
PAGE = FOLDER / "measurements.md"
DRAWS, LAW_DRAWS = 300, 200
LOW, HIGH = 0.85, 0.97
Rng: TypeAlias = np.random.Generator
Case: TypeAlias = tuple[str, dict[str, float], Callable[[Rng], list[Measured]]]


def sweep(rng: Rng, cycles: int, devices: int = 1) -> list[Measured]:
    """Bipolar loops: V_SET 1 ± 0.08 V, V_RESET −1.2 ± 0.1 V, on/off 100 with σ(ln) 0.3.

    Of several devices each has a middle of its own: ± 0.06 V, ± 0.08 V, σ(ln) 0.2.
    """
    up = np.linspace(0, 2, 251)
    v = np.concatenate([up, up[::-1][1:], -up[1:], -up[::-1][1:]])
    out, back = np.arange(len(v)) < 251, np.arange(len(v)) >= 501
    traces = []
    for device in range(devices):
        middle = rng.normal(0, (0.06, 0.08, 0.2)) if devices > 1 else np.zeros(3)
        for _ in range(cycles):
            on, off = rng.normal((1, -1.2), (0.08, 0.1)) + middle[:2]
            low = out & (v < on)
            fallen = np.maximum.accumulate(back & (v < off))
            ratio = 100 * np.exp(rng.normal(0, 0.3) + middle[2])
            g = np.where(low | fallen, 1e-3 / ratio, 1e-3)
            traces.append(Trace(v, v * g, setup=Setup(device=f"{device}", read_voltage_v=0.3)))
    return sweeps.sweep_metrics(traces)


def power(rng: Rng) -> list[Measured]:
    v = np.linspace(0, 1, 101)
    return [sweeps.power_exponent(Trace(v, v**1.7 * np.exp(rng.normal(0, 0.03, 101))), 0.1, 1)]


def areas(rng: Rng) -> list[Measured]:
    """Nine devices of three areas; HRS grows with the area, LRS does not."""
    up = np.linspace(0, 1, 101)
    v = np.concatenate([up, up[::-1]])
    members = []
    for area in np.repeat([1e-12, 1e-11, 1e-10], 3):
        g = np.where(np.arange(202) < 101, area / 1e-12 * 1e-8, 1e-3)
        g = g * np.where(np.arange(202) < 101, *np.exp(rng.normal(0, 0.3, 2)))
        members.append(Trace(v, v * g, setup=Setup(area_m2=float(area))))
    return sweeps.area_metrics(AreaSeries(tuple(members)), 0.3)


RISE, FALL = 1e-7, 4e-7


def transient(rng: Rng, noise: float, points: int) -> list[Measured]:
    t = np.linspace(0, 5e-6, points)
    v = np.where((t > 2e-7) & (t < 1.8e-6), 1.0, np.where(t >= 1.8e-6, 0.1, 0.0))
    g = 1e-5 + 9e-4 * (1 - np.exp(-np.maximum(t - 5e-7, 0) / RISE))
    g = np.where(t >= 1.8e-6, 1e-5 + 9e-4 * np.exp(-(t - 1.8e-6) / FALL), g)
    return sweeps.transient_metrics(Trace(v, v * (g + rng.normal(0, noise * 9e-4, points)), t))


STATES = {"hrs": (5.0, 0.2, 0.4), "lrs": (3.7, 0.1, 0.15)}


def logs(rng: Rng, devices: int, cycles: int) -> tuple[Floats, Floats]:
    """log₁₀ of HRS and LRS: mean, σ of devices, σ of cycles."""
    found = []
    for mean, between, within in STATES.values():
        level = mean + rng.normal(0, between, (devices, 1))
        found.append(level + rng.normal(0, within, (devices, cycles)))
    return found[0], found[1]


def endurance(rng: Rng, devices: int, cycles: int) -> list[Measured]:
    hrs, lrs = logs(rng, devices, cycles)
    return memory.endurance_metrics(Cycles(10**hrs, 10**lrs, tuple(map(str, range(devices)))))


def endurance_truth(cycles: int) -> dict[str, float]:
    """Truth of the states; of misread cycles from 20,000 devices."""
    truth: dict[str, float] = {}
    total = dict[str, float]()
    for state, (mean, between, within) in STATES.items():
        total[state] = float(np.hypot(between, within))
        truth |= {f"r_{state}": 10**mean, f"sigma_{state}": total[state]}
        truth |= {f"sigma_c2c_{state}": within, f"sigma_d2d_{state}": between}
    tail = float(stats.norm.ppf(0.95))
    apart = STATES["hrs"][0] - STATES["lrs"][0] - tail * (total["hrs"] + total["lrs"])
    hrs, lrs = logs(np.random.default_rng(1), 20_000, cycles)
    threshold = (STATES["hrs"][0] + STATES["lrs"][0]) / 2
    wrong = (hrs <= threshold) | (lrs >= threshold)
    until = np.where(wrong.any(axis=1), wrong.argmax(axis=1), cycles)
    truth |= {"window": 10**apart, "misread": float(wrong.mean())}
    return truth | {"endurance": float(np.median(until))}


def train(rng: Rng, a: float, falling: bool) -> list[Measured]:
    """101 pulses with 2 % noise; a depression runs the curve backwards."""
    x = np.linspace(0, 1, 101)
    y = np.expm1(-x / a) / np.expm1(-1 / a) + rng.normal(0, 0.02, 101)
    g = 1e-6 * (1 + (y[::-1] if falling else y))
    return plasticity.train_metrics(PulseTrain(np.arange(101.0), g, falling=falling))


def train_truth(a: float, falling: bool) -> dict[str, float]:
    rate = -1 / a if falling else 1 / a
    pulses = 100 * float(-np.log1p(0.9 * np.expm1(-rate)) / rate)
    return {"a": a, "beta": 1 / a, "nl": plasticity.nonlinearity(a), "saturation": pulses}


def jang(rng: Rng) -> list[Measured]:
    x, alpha = np.linspace(0, 1, 101), 1.5
    y = ((1 - 0.1**alpha) * x + 0.1**alpha) ** (1 / alpha) + rng.normal(0, 0.01, 101)
    return plasticity.train_metrics(PulseTrain(np.arange(101.0), 1e-6 * y))


def ppf(rng: Rng, points: int, second: float) -> list[Measured]:
    t = np.geomspace(1e-3, 20, points)
    y = 1 + 0.8 * np.exp(-t / 0.5) + second * np.exp(-t / 0.01)
    found = plasticity.ppf_metrics(Pairs(t, y + rng.normal(0, 0.02, points)))
    times = [m for m in found if m.name == "ppf_time"]
    # The slower one is in both; which of two is which is known only where two were found.
    return times[-1:] if second == 0 or len(times) == 2 else []


def stdp(rng: Rng) -> list[Measured]:
    t = np.linspace(0.005, 0.1, 15)
    y = 0.9 * np.exp(-t / 0.02) + rng.normal(0, 0.02, 15)
    return [m for m in plasticity.stdp_metrics(Pairs(t, y)) if m.value is not None]


def decay(rng: Rng, law: str, correlation: float = 0.0) -> list[Measured]:
    t, noise = np.linspace(0, 100, 201), rng.normal(0, 0.02, 201)
    for n in range(1, 201):
        noise[n] = correlation * noise[n - 1] + np.sqrt(1 - correlation**2) * noise[n]
    x = np.maximum(t, t[1])
    y = 0.2 + 0.8 * (np.exp(-t / 20) if law == "exponential" else (x / t[1]) ** -0.6)
    found = memory.decay_metrics(Decay(t, 1e-6 * (y + noise), "S"))
    kept = "decay_time" if law == "exponential" else "decay_exponent"
    return [m for m in found if m.name in (kept, "retention")]


def many_steps(rng: Rng) -> list[Measured]:
    """The current decays to zero with 100 s over ten times that; its noise follows it."""
    t = np.linspace(0, 1000, 1001)
    y = np.exp(-t / 100) * (1 + rng.normal(0, 0.02, 1001))
    return [memory.retention_time(Decay(t, 1e-6 * y))]


def arrhenius(rng: Rng, kelvins: tuple[int, ...]) -> list[Measured]:
    """Retention 1e-8 s · ln 2 · exp(0.8 eV/kT), with a spread of 20 % between devices."""
    decays = []
    for kelvin in kelvins:
        tau = 1e-8 * np.exp(0.8 * constants.e / (constants.k * kelvin) + rng.normal(0, 0.2))
        t = np.concatenate([[0], np.geomspace(tau / 100, 5 * tau, 400)])
        decays.append(Decay(t, np.exp(-t / tau), "S", Setup(temperature_k=kelvin)))
    return memory.arrhenius(decays, 300)


def cases() -> Iterator[Case]:
    for cycles in (8, 20, 60):
        truth = {"v_set": 1.0, "v_set_sigma": 0.08, "v_reset": -1.2, "v_reset_sigma": 0.1}
        truth |= {"on_off": 100.0, "r_hrs": 1e5}
        yield f"{cycles} sweeps", truth, partial(sweep, cycles=cycles)
    for devices in (5, 12):
        yield (
            f"{devices} devices, 10 sweeps of each",
            truth
            | {"v_set_sigma": 0.1, "v_reset_sigma": float(np.hypot(0.1, 0.08))}
            | {"v_set_sigma_c2c": 0.08, "v_set_sigma_d2d": 0.06},
            partial(sweep, cycles=10, devices=devices),
        )
    yield "101 points, 3 % noise", {"power_exponent": 1.7}, power
    yield "9 devices, 3 areas", {"area_slope_hrs": 1.0, "area_slope_lrs": 0.0}, areas
    energy = 9.1e-4 * RISE * np.log(9) - 9e-4 * RISE * 0.8
    truth = {"switching_time": RISE * np.log(9), "relaxation_time": FALL * np.log(9)}
    for noise, points in ((0.02, 1001), (0.1, 1001), (0.02, 301)):
        text = f"{points} points, {noise:.0%} noise"
        yield (
            text,
            truth | {"switching_energy": energy},
            partial(transient, noise=noise, points=points),
        )
    one = {k: v for k, v in endurance_truth(20).items() if k in ("r_hrs", "r_lrs")}
    yield "1 device, 20 cycles (its own median)", one, own_device
    for devices in (5, 8, 20, 60):
        yield (
            f"{devices} devices, 50 cycles",
            endurance_truth(50),
            partial(endurance, devices=devices, cycles=50),
        )
    for a, falling in ((0.3, False), (-0.5, False), (0.3, True)):
        text = f"101 pulses {'down' if falling else 'up'}, A = {a:g}, 2 % noise"
        yield text, train_truth(a, falling), partial(train, a=a, falling=falling)
    yield "101 pulses, 1 % noise", {"jang_alpha": 1.5}, jang
    yield "9 intervals, 2 % noise", {"ppf_time": 0.5}, partial(ppf, points=9, second=0)
    yield "30 intervals, 2 % noise", {"ppf_time": 0.5}, partial(ppf, points=30, second=0)
    yield "30 intervals, two times", {"ppf_time": 0.5}, partial(ppf, points=30, second=0.5)
    yield "15 intervals, 2 % noise", {"stdp_amplitude": 0.9, "stdp_time": 0.02}, stdp
    half = 20 * float(np.log(0.8 / 0.3))
    for law, name, value in (
        ("exponential", "decay_time", 20.0),
        ("power law", "decay_exponent", 0.6),
    ):
        truth = {name: value} | ({"retention": half} if law == "exponential" else {})
        yield f"201 points, {law}, 2 % noise", truth, partial(decay, law=law)
    truth = {"decay_time": 20.0}
    yield (
        "the same, noise with correlation 0.7",
        truth,
        partial(decay, law="exponential", correlation=0.7),
    )
    yield "1001 points, noise of 2 % of each", {"retention": 100 * float(np.log(2))}, many_steps
    there = 1e-8 * float(np.log(2) * np.exp(0.8 * constants.e / (constants.k * 300)))
    for kelvins in ((340, 360, 380), (340, 355, 370, 385, 400)):
        text = f"{len(kelvins)} temperatures, spread 20 %"
        truth = {"retention_energy": 0.8, "retention_at": there}
        yield text, truth, partial(arrhenius, kelvins=kelvins)


def own_device(rng: Rng) -> list[Measured]:
    """One device at the mean level: intervals over its cycles are of its own distribution."""
    hrs, lrs = (mean + rng.normal(0, within, (1, 20)) for mean, _, within in STATES.values())
    return memory.endurance_metrics(Cycles(10**hrs, 10**lrs, ("1",)))


def intervals() -> Iterator[tuple[str, bool]]:
    """Measure every case: the rows of the page, and whether a coverage is within the bounds."""
    for text, truth, make in cases():
        held: dict[str, list[bool]] = {}
        for draw in range(DRAWS):
            for metric in make(np.random.default_rng(draw)):
                if metric.name in truth and metric.ends is not None:
                    low, high = metric.ends
                    held.setdefault(metric.name, []).append(low <= truth[metric.name] <= high)
        for name in truth:
            hits = held.get(name, [])
            share = float(np.mean(hits)) if hits else float("nan")
            good = not hits or LOW <= share <= HIGH
            shown = f"{share:.1%}" if hits else "no interval is given"
            yield (
                f"| `{name}` | {text} | {len(hits)} | {shown}{' **outside**' * (not good)} |",
                good,
            )


def laws() -> Iterator[tuple[str, bool]]:
    """Judge sweeps of every law: the rows of the page, and whether few enough laws are wrong."""
    for law in truths(np.random.default_rng(0)):
        for kelvins in (KELVINS, (300.0,)):
            tally = judged(law, kelvins, LAW_DRAWS)
            shares = tally.shares.values()
            held = f"{min(shares):.0%} to {max(shares):.0%}" if shares else "none"
            good = tally.wrong <= 0.02 * tally.draws
            good &= tally.right + tally.kept >= 0.95 * tally.draws
            counts = (tally.right, tally.kept, tally.draws - tally.right - tally.kept - tally.wrong)
            cells = [law, f"{len(kelvins)}", f"{tally.draws}"]
            cells += [f"{count / tally.draws:.1%}" for count in (*counts, tally.wrong)]
            yield f"{row(*cells, held)}{' **outside**' * (not good)}", good


def main() -> int:
    """Measure, print and write the page, or one part of it; 1 if a value is outside the bounds."""
    parts = {
        "intervals": (TEXTS["intervals"].format(draws=DRAWS, low=LOW, high=HIGH), intervals),
        "laws": (TEXTS["laws"].format(draws=LAW_DRAWS), laws),
    }
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    names = options.parse_args().parts
    kept = PAGE.read_text(encoding="utf-8").partition(TEXTS["laws"].partition("\n")[0])
    texts, outside = {"intervals": kept[0].strip(), "laws": kept[1] + kept[2].rstrip()}, 0
    for name in names or parts:
        head, make = parts[name]
        texts[name] = head
        for line, good in make():
            print(line, flush=True)
            texts[name] += f"{line}\n"
            outside += not good
    PAGE.write_text("\n\n".join(text.strip() for text in texts.values()) + "\n", encoding="utf-8")
    return int(outside > 0)


if __name__ == "__main__":
    sys.exit(main())
