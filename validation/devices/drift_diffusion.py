"""How exact the simulated devices are: hysteresis beside SIMsalabim, convergence, conservation.

Writes docs/validation/drift_diffusion.md, its numbers and its pictures.
Run: ``python -m validation.devices.drift_diffusion`` (two minutes on one core).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy import constants

from pvkdb.display.colours import CURVES, GREY
from pvkdb.display.figures import new_figure, save
from pvkdb.kinetics.hopping import Array
from pvkdb.simulation import transport
from pvkdb.simulation.drift_diffusion import DeviceRun, settled, sweep
from pvkdb.simulation.filament import Filament, FilamentRun, switch
from pvkdb.simulation.stack import Contact, MobileIon, Stack, StackLayer, Traps
from validation.pages import FOLDER, texts

TEXTS = texts(__file__)
#: Hysteresis of SIMsalabim 5.36, default stack, in % of the short-circuit current, by V/s.
SIMSALABIM = {0.01: 0.06, 0.1: 0.61, 1.0: 2.91, 10.0: 2.42, 100.0: 0.53}
#: The same by version 5.27 with this light and no traps at interfaces, converged (see the page).
CONVERGED = {0.01: 0.06, 0.1: 0.52, 1.0: 3.0, 10.0: 1.73, 100.0: 0.47}
#: Where light is absorbed in MAPbI3: 1/α of IonMonger's parameters, α = 1.3e7 per m.
ABSORPTION_NM = 77.0
RATES = tuple(float(rate) for rate in 10.0 ** np.arange(-4, 4))
#: Nodes of a layer and tolerances of a step whose results are compared with the last ones.
POINTS, TOLERANCES = (15, 20, 30, 40, 60, 120), (1e-2, 3e-3, 1e-3, 3e-4, 5e-5)
FINE: dict[str, Any] = {"points": 80, "tolerance": 3e-4}


def default_stack() -> Stack:
    """SIMsalabim's default stack for transients: C60, MAPbI3 and PTAA at 295 K.

    Of its parameter files (ZimT, version 5.27), without the traps at interfaces, and with light
    that decays exponentially instead of the transfer matrix of files of optical constants.
    """
    volt = constants.k * 295 / constants.e
    ions = tuple(MobileIon(sign, 1e15, 5e-12 * volt, reference_k=295.0) for sign in (-1, 1))
    middle = StackLayer(
        *(500.0, 24.0, 3.9, 5.53, 2.2e18, 2.2e18, 1.0, 1.0),
        ions=ions,
        recombination_cm3_per_s=1e-11,
        traps=Traps(1e15, 4.7, 5e-8, 5e-8),
        generation_per_cm3_s=210 / constants.e / (ABSORPTION_NM * 1e-9) * 1e-6,  # 21 mA/cm²
        absorption_nm=ABSORPTION_NM,
    )
    electrons = (25.0, 5.0, 4.0, 5.9, 5e20, 5e20, 1e-2, 1e-5)
    holes = (10.0, 3.0, 2.25, 5.4, 1e20, 1e20, 1e-5, 1e-3)
    left, right = (StackLayer(*each, recombination_cm3_per_s=1e-11) for each in (electrons, holes))
    return Stack((left, middle, right), Contact(4.0), Contact(5.4), 295.0)


def memristor() -> Stack:
    """The film of docs/simulation.md: 300 nm with vacancies, barriers of 0.5 eV, image force."""
    film = StackLayer(
        *(300.0, 24.1, 3.7, 5.4, 8.1e18, 5.8e18, 1.0, 1.0),
        ions=(MobileIon(1, 1e19, 1e-16, 0.58),),
        acceptors_per_cm3=1e19,
    )
    return Stack((film,), Contact(4.2, 5.0), Contact(4.2, 5.0))


def filament() -> Filament:
    """A film of 50 nm with a column of vacancies and a gap of 10 nm."""
    return Filament(
        MobileIon(1, 1e21, 1e-16, 0.6),
        on_s_per_m=5e4,
        off_s_per_m=1.0,
        conductivity_w_per_m_k=0.5,
        empty=0.001,
        series_ohm=5000.0,
        cell_nm=2.5,
    )


def hysteresis(found: DeviceRun) -> float:
    """max |ΔJ| over the short-circuit current, in %."""
    _, out, back = found.loop(2401)
    return 100 * float(np.abs(out - back).max() / abs(found.current_a_per_m2[0]))


def solar(rates: Any, **how: Any) -> list[DeviceRun]:
    """Loops 0 → 1.2 → 0 V of the default stack under light."""
    stack = default_stack()
    start = settled(stack, 0.0, light=1.0, **how).last
    return [sweep(stack, each, (0.0, 1.2, 0.0), light=1.0, start=start, **how) for each in rates]


def loops(rates: Any, **how: Any) -> list[DeviceRun]:
    """Loops 0 → 1 → 0 V of the memristor in the dark."""
    start = settled(memristor(), **how).last
    return [sweep(memristor(), each, start=start, **how) for each in rates]


def in_double() -> float:
    """Charge lost in a loop of the solar cell, all of it computed with numbers of 64 bits."""
    with patch.object(transport, "_WIDE", float):
        return solar([1.0], **FINE)[0].charge_loss


def errors(key: str, values: tuple[float, ...]) -> list[list[float]]:
    """Return each value with the errors of both devices' hysteresis against that of the last."""
    found = []
    for value in values:
        how = FINE | {key: value}
        found.append((hysteresis(*solar([1.0], **how)), loops([1.0], **how)[0].hysteresis_index))
    pairs = zip(values, found, strict=True)
    return [
        [value, *(abs(a / b - 1) for a, b in zip(each, found[-1], strict=True))]
        for value, each in list(pairs)[:-1]
    ]


def compute() -> tuple[dict[str, Any], list[DeviceRun], list[DeviceRun], list[FilamentRun]]:
    """Return the numbers of the page, and the runs of its pictures."""
    lit, dark = (
        solar(SIMSALABIM, **(FINE | {"tolerance": TOLERANCES[-1] / 5})),
        loops(RATES, **FINE),
    )
    clock = time.process_time()
    quick = solar([1.0])[0]
    numbers: dict[str, Any] = {
        "seconds": time.process_time() - clock,
        "steps": len(quick.time_s),
        "hysteresis": [hysteresis(run) for run in lit],
        "index": [run.hysteresis_index for run in dark],
        "charge": [max(run.charge_loss for run in each) for each in (lit, dark)],
        "double": in_double(),
        "ions": [max(run.ion_loss for run in each) for each in (lit, dark)],
        "points": errors("points", POINTS),
        "tolerance": errors("tolerance", TOLERANCES),
    }
    formed = switch(filament(), [0, 1e-3, 2e-3], [0, 1.5, 0])
    ruptured = switch(filament(), [0, 1e-3, 2e-3], [0, -1.5, 0], start=formed.shares[-1])
    runs = [formed, ruptured]
    numbers["filament"] = [
        [run.temperatures_k.max(), run.vacancy_loss, run.current_loss] for run in runs
    ]
    return numbers, lit, dark, runs


def page(numbers: dict[str, Any]) -> str:
    """Return the page of the numbers."""
    rows = "\n".join(
        f"| {rate:g} | {there:.2f} | {CONVERGED[rate]:.2f} | {here:.2f} | {here / there - 1:+.0%} "
        f"| {here / CONVERGED[rate] - 1:+.0%} |"
        for (rate, there), here in zip(SIMSALABIM.items(), numbers["hysteresis"], strict=True)
    )
    points, steps = (
        "\n".join(f"| {value:g} | {one:.2%} | {other:.2%} |" for value, one, other in numbers[key])
        for key in ("points", "tolerance")
    )
    filaments = "\n".join(
        f"| {name} | {hot:.0f} | {vacancies:.0e} | {current:.0e} |"
        for name, (hot, vacancies, current) in zip(
            ("forming", "rupture"), numbers["filament"], strict=True
        )
    )
    return TEXTS["page"].format(
        absorption_nm=ABSORPTION_NM,
        rows=rows,
        most_points=POINTS[-1],
        least_tolerance=TOLERANCES[-1],
        points=points,
        steps=steps,
        seconds=numbers["seconds"],
        loop_steps=numbers["steps"],
        ions=numbers["ions"],
        charge=numbers["charge"],
        double=numbers["double"],
        ratio=numbers["double"] / numbers["charge"][0],
        filaments=filaments,
    )


def pictures(numbers: dict[str, Any], dark: list[DeviceRun], runs: list[FilamentRun]) -> None:
    """Write the three pictures of the page."""
    from matplotlib import rc_context

    def saved(panels: int, name: str, draw: Any) -> None:
        with rc_context({"font.size": 9, "svg.fonttype": "none"}):
            figure, axes = new_figure((3.4 * panels, 2.9), panels)
            draw(figure, axes)
            save(figure, FOLDER / name, dpi=100)

    def exactness(_: Any, axes: Any) -> None:
        axes[0].loglog(
            list(SIMSALABIM), list(SIMSALABIM.values()), "s", color=GREY, label="SIMsalabim"
        )
        axes[0].loglog(
            list(SIMSALABIM), numbers["hysteresis"], "o-", color=CURVES[0], label="pvkdb"
        )
        axes[0].set(xlabel="Scan rate (V/s)", ylabel="max |ΔJ| / J_sc (%)")
        for panel, key, label in (
            (axes[1], "points", "Nodes of a layer"),
            (axes[2], "tolerance", "Tolerance of a step"),
        ):
            value, *each = np.array(numbers[key]).T
            for error, name, colour in zip(each, ("solar cell", "memristor"), CURVES, strict=False):
                panel.loglog(value, 100 * error, "o-", color=colour, label=name)
            panel.set(xlabel=label, ylabel="Error of the hysteresis (%)")
        for panel in axes:
            panel.legend(frameon=False)

    def switching(_: Any, axes: Any) -> None:
        for rate, colour in zip((1e-3, 1.0, 100.0), CURVES, strict=False):
            run = dark[RATES.index(rate)]
            current = np.abs(run.current_a_per_m2)
            axes[0].semilogy(run.voltage_v, current, color=colour, label=f"{rate:g} V/s")
        axes[0].set(xlabel="Voltage (V)", ylabel="|J| (A/m²)", ylim=(1e-4, 2e3))
        axes[0].legend(frameon=False)
        axes[1].semilogx(RATES, 100 * np.array(numbers["index"]), "o-", color=CURVES[0])
        axes[1].set(xlabel="Scan rate (V/s)", ylabel="Hysteresis index (%)")

    def vacancies(figure: Any, axes: Any) -> None:
        for run, colour, name in zip(runs, CURVES, ("forming", "rupture"), strict=False):
            axes[0].semilogy(run.voltage_v, np.abs(run.current_a) + 1e-9, color=colour, label=name)
        axes[0].set(xlabel="Voltage (V)", ylabel="|I| (A)", ylim=(1e-7, 1e-3))
        axes[0].legend(frameon=False)
        maps = (runs[0].shares[0], runs[0].shares[-1], runs[1].shares[-1])
        for panel, share, name in zip(
            axes[1:], maps, ("at first", "formed", "ruptured"), strict=True
        ):
            drawn = _map(panel, runs[0].nodes_nm, share)
            panel.set(title=name, xlabel="r (nm)", ylabel="z (nm)", aspect="equal")
        figure.colorbar(drawn, ax=axes[3], label="share of vacancies")

    saved(3, "drift_diffusion.svg", exactness)
    saved(2, "drift_diffusion_loops.svg", switching)
    saved(4, "filament.svg", vacancies)


def _map(panel: Any, nodes: Array, share: Array) -> Any:
    """Draw a map of shares on the mirrored plane of the axis."""
    r, z = (np.unique(line.round(6)) for line in nodes.T)
    order = np.lexsort(nodes.T.round(6))
    grid = share[order].reshape(len(z), len(r))
    whole, sides = np.hstack([grid[:, :0:-1], grid]), np.concatenate([-r[:0:-1], r])
    return panel.pcolormesh(sides, z, whole, vmin=0, vmax=1, cmap="cividis", rasterized=True)


def main() -> int:
    """Compute, write the page; 1 if charge, ions or the maximum of the hysteresis are not right."""
    numbers, _, dark, runs = compute()
    pictures(numbers, dark, runs)
    (FOLDER / "drift_diffusion.json").write_text(json.dumps(numbers, indent=1) + "\n")
    (FOLDER / "drift_diffusion.md").write_text(page(numbers), encoding="utf-8")
    print(json.dumps(numbers))
    rise = [a < b for a, b in pairwise(numbers["hysteresis"])]
    return int(
        max(numbers["ions"]) > 1e-9 or max(numbers["charge"]) > 1e-9 or not rise[1] or rise[3]
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    sys.exit(main())
