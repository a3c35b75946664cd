"""Mixtures of CsPbI3 and CsPbBr3 with SevenNet-0: energies of mixing and barriers.

``python -m validation.structures.mixtures`` relaxes the ends and five arrangements of each mixture
(minutes). Those that are kept are not relaxed again. ``--barriers URL`` adds the finished barriers
of a store, computed there with ``pvkdb neb CsPbI2Br --potential sevennet-0 --seeds 5`` (hours).
Numbers are in ``docs/validation/mixtures.json``; ``--page-only`` writes the page ``mixtures.md``
from them.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Container, Iterator
from statistics import mean, stdev
from typing import Any

from sqlalchemy import select

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.calculations.relaxations import RelaxSettings
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.prototypes import compound_of, prototype
from pvkdb_pipelines.relaxations.compound import compute_relaxation, relax_request
from validation.pages import FOLDER, row, table, texts

TEXTS = texts(__file__)

POTENTIAL, PHASE, SEEDS = PotentialName.SEVENNET_0, "Pnma", range(2145, 2150)
MIXTURES = ("CsPbI2Br", "CsPbI1.5Br1.5", "CsPbIBr2")


def relaxations(done: Container[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    """Yield energy and volume of the ends, and of each arrangement that is not done."""
    for formula in ("CsPbI3", *MIXTURES, "CsPbBr3"):
        compound = compound_of(parse_composition(formula))
        for seed in SEEDS if formula in MIXTURES else SEEDS[:1]:
            if (formula, seed) in done:
                continue
            settings = RelaxSettings(seed=seed)
            asked = relax_request(compound, prototype("ABX3", PHASE), POTENTIAL, settings)
            result = compute_relaxation(asked).result
            kept = ("energy_ev_per_formula", "volume_ang3_per_formula", "force_calls")
            found = result.model_dump(mode="json")
            yield {"formula": formula, "seed": seed, **{name: found[name] for name in kept}}


def barriers(url: str) -> Iterator[dict[str, Any]]:
    """Yield the finished barriers of mixtures in a store."""
    kept = ("e_a_ev", "dimensionality", "upper_bound", "exchange_spread_ev", "force_calls")
    with Store(url).session(read_only=True) as session:
        query = select(Calculation).where(Calculation.kind == "neb", Calculation.state == "done")
        for calculation in session.scalars(query.order_by(Calculation.id)):
            given = calculation.parameters
            if given["formula"] in MIXTURES and given["potential"] == POTENTIAL:
                result = NebResult.model_validate(calculation.result)
                sites: dict[str, list[float]] = defaultdict(list)
                for site in result.sites:
                    sites[site.name.rstrip("0123456789")].append(site.energy_ev)
                yield {
                    "formula": result.formula,
                    "seed": given["settings"]["seed"] if given["host"] is None else "ordered",
                    **{name: getattr(result, name) for name in kept},
                    "limited_by": f"{result.hop.start}–{result.hop.end}",
                    "hops": len(result.hops),
                    "failed": sum(hop.outcome == "failed" for hop in result.hops),
                    "site_ev": {symbol: mean(of) for symbol, of in sites.items()},
                }


def page(kept: dict[str, list[dict[str, Any]]], ends_ev: dict[str, float]) -> str:
    """Return the page; ``ends_ev`` are the barriers of the ends."""
    found: dict[str, list[float]] = defaultdict(list)
    for each in kept["barriers"]:
        if each["seed"] != "ordered":
            found[each["formula"]].append(each["e_a_ev"])
    below = "; ".join(
        f"{name} is {'' if mean(energies) < min(ends_ev.values()) else 'not '}below both ends"
        for name, energies in sorted(found.items())
    )
    return TEXTS["page"].format(
        mixing="\n".join(_mixing(kept["relaxations"], ends_ev)),
        barriers="\n".join([*_barriers(kept["barriers"], ends_ev), *_means(found)]),
        below=f"\n\nHere {below}." if below else "",
    )


def _mixing(relaxed: list[dict[str, Any]], ends_ev: dict[str, float]) -> Iterator[str]:
    by_formula: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in relaxed:
        by_formula[each["formula"]].append(each)
    ends = {formula: by_formula[formula][0] for formula in ends_ev}
    yield from table(
        "composition | above CsPbI3 and CsPbBr3, meV a formula unit | volume over Vegard's"
    )
    for formula in MIXTURES:
        shares = {str(end): x for end, x in compound_of(parse_composition(formula)).ends.items()}

        def above(each: dict[str, Any], name: str, shares: dict[str, float] = shares) -> float:
            return float(each[name] - sum(x * ends[end][name] for end, x in shares.items()))

        mixing = [1000 * above(each, "energy_ev_per_formula") for each in by_formula[formula]]
        name = "volume_ang3_per_formula"
        ratio = mean(each[name] / (each[name] - above(each, name)) for each in by_formula[formula])
        yield row(formula, f"{mean(mixing):.0f} ± {stdev(mixing):.0f}", f"{ratio:.3f}")


def _barriers(kept: list[dict[str, Any]], ends_ev: dict[str, float]) -> Iterator[str]:
    yield from table(
        "composition | seed | E_A/eV | limited by | mean site energy/eV | exchange ±/eV | hops | "
        "failed",
        ((formula, "–", f"{energy:.3f}", *"–––––") for formula, energy in ends_ev.items()),
    )
    for each in sorted(kept, key=lambda each: (each["formula"], str(each["seed"]))):
        sign = "≤ " if each["upper_bound"] else ""
        sites = ", ".join(f"{symbol} {energy:.2f}" for symbol, energy in each["site_ev"].items())
        yield row(
            *(each["formula"], each["seed"]),
            f"{sign}{each['e_a_ev']:.3f} ({each['dimensionality']}D)",
            *(each["limited_by"], sites, f"{each['exchange_spread_ev']:.3f}"),
            *(each["hops"], each["failed"]),
        )


def _means(found: dict[str, list[float]]) -> Iterator[str]:
    for formula, energies in sorted(found.items()):
        spread = f" ± {stdev(energies):.2f}" if len(energies) > 1 else ""
        yield f"\n{formula}: {mean(energies):.2f}{spread} eV, {len(energies)} of 5 arrangements."


def main() -> None:
    """Compute what is asked for, keep the numbers, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--barriers", metavar="URL")
    parser.add_argument("--page-only", action="store_true")
    given = parser.parse_args()
    numbers = FOLDER / "mixtures.json"
    kept: dict[str, list[dict[str, Any]]] = {"relaxations": [], "barriers": []}
    if numbers.exists():
        kept = json.loads(numbers.read_text("utf-8"))
    if given.barriers:
        kept["barriers"] = list(barriers(given.barriers))
        numbers.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    elif not given.page_only:
        done = {(each["formula"], each["seed"]) for each in kept["relaxations"]}
        for each in relaxations(done):
            kept["relaxations"].append(each)
            numbers.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    computed = json.loads((FOLDER / "migration.json").read_text("utf-8"))["computed"]
    ends_ev = {
        each["result"]["formula"]: each["result"]["e_a_ev"]
        for each in computed
        if each["case"] in (f"CsPbI3 {PHASE} V_I", f"CsPbBr3 {PHASE} V_Br")
        and each["potential"] == POTENTIAL
    }
    (FOLDER / "mixtures.md").write_text(page(kept, ends_ev), "utf-8")


if __name__ == "__main__":
    main()
