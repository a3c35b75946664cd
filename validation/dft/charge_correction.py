"""What the charge of a vacancy adds to a potential, learned from force calls of other compositions.

    python -m validation.dft.charge_correction    # the section of docs/validation/benchmark.md
    python -m validation.dft.charge_fine_tuning   # the second way, some minutes a composition

The difference of DFT at charge +1 and a potential is a sum over atoms, f(q) for each, with f one
Gaussian process for all hosts, and q the neighbours of the atom in scaled distances: r over the
host's bond length of B and X, by the site of the neighbour (A, B, X), and of B a second time with
their charges. The process is that of random Fourier features, so that energies along each path and
forces are learned by linear regression. Each composition, then each family, is left out in turn.
The others, each left out once more, choose the process, what share of its correction is believed,
and its error; where they do not confirm it, nothing is corrected.

Sources: A. P. Bartók, R. Kondor, G. Csányi, Phys. Rev. B 87, 184115 (2013),
doi:10.1103/PhysRevB.87.184115 (sums over atoms); A. Rahimi, B. Recht, Adv. Neural Inf. Process.
Syst. 20, 1177 (2007) (random features).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from pydantic import BaseModel, TypeAdapter
from scipy.sparse import csr_array
from scipy.stats import binomtest, t

from pvkdb.chemistry.formulas.composition import parse_composition
from pvkdb.schemas.calculations.calibration import calibration_table
from pvkdb_pipelines.dft.benchmark import read_benchmark
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.work.cores import one_thread_each
from validation.dft import convergence
from validation.pages import row, table

FILE = convergence.FILE.parent / "correction.json"
POTENTIALS = ("sevennet-0", "sevennet-l3i5")
#: Centres and width of the radial functions, and where they end, in bond lengths of the host.
_CENTRES, _WIDTH, _END = np.linspace(0.7, 2.3, 9), 0.2, 2.5
#: Random features of each site, and their seed.
_FEATURES, _SEED = 200, 40
#: Noise of forces (eV/Å), and the choices of the process: its length in the space of neighbours,
#: its size at an atom (eV) and the noise of energies (eV).
_FORCE_NOISE = 0.05
_LENGTHS, _SIZES, _ENERGY_NOISES = (0.5, 1.0, 2.0, 4.0), (0.02, 0.1, 0.5), (0.01, 0.05)
#: Standard deviations of an interval of 80 %.
_Z80 = 1.2816
#: Rows of q by the site of a neighbour.
_SITES = {"A": 0, "B": 1, "X": 2}


@dataclass(frozen=True)
class HopCalls:
    """The force calls of a hop, and what a potential says of them."""

    name: str
    formula: str
    along_edge: bool
    calls: list[Atoms]
    energies: np.ndarray
    forces: list[np.ndarray]

    @cached_property
    def family(self) -> str:
        """Compositions that are left out together."""
        return parse_composition(self.formula).family

    @cached_property
    def points(self) -> dict[str, int]:
        """Which calls are the ends and the saddle point."""
        return {call.info["point"]: n for n, call in enumerate(self.calls) if call.info["point"]}

    @cached_property
    def missing(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """What the potential lacks: energies against the start, eV, and forces, eV/Å."""
        energies = np.array([call.get_potential_energy() for call in self.calls]) - self.energies
        return energies - energies[self.points["start"]], [
            call.get_forces() - own for call, own in zip(self.calls, self.forces, strict=True)
        ]

    @cached_property
    def neighbours(self) -> list[tuple[np.ndarray, ...]]:
        """Of each call: sites, q of each atom, and derivatives of q by pairs of atoms."""
        first = self.calls[0]
        symbols = np.array(first.get_chemical_symbols())
        ions = {each.ion.symbol: each for each in parse_composition(self.formula).occupants}
        sites = np.array([_SITES[ions[symbol].site] for symbol in symbols])
        between = first.get_all_distances(mic=True)[np.ix_(sites == 1, sites == 2)]
        bond = float(np.sort(between, axis=1)[:, :4].mean())
        weights = np.zeros((len(symbols), 4))
        weights[np.arange(len(symbols)), sites] = 1
        charges = np.array([ions[symbol].ion.charge for symbol in symbols])
        weights[:, 3] = np.where(sites == 1, charges / 2, 0)
        return [(sites, *_descriptor(call, weights, bond)) for call in self.calls]


def _descriptor(atoms: Atoms, weights: np.ndarray, bond: float) -> tuple[np.ndarray, ...]:
    """Return q, shape (n, k), and by pair: first atom, second atom, dq/dr, direction."""
    i, j, d, vectors = neighbor_list("ijdD", atoms, _END * bond)
    r = d[:, None] / bond
    bump = np.exp(-((r - _CENTRES) ** 2) / (2 * _WIDTH**2))
    fade, slope = (
        0.5 * (1 + np.cos(np.pi * r / _END)),
        -0.5 * np.pi / _END * np.sin(np.pi * r / _END),
    )
    value = bump * fade
    change = (bump * slope - (r - _CENTRES) / _WIDTH**2 * value) / bond
    each = (weights[j][:, :, None] * value[:, None]).reshape(len(i), -1)
    q = csr_array((np.ones(len(i)), (i, np.arange(len(i))))) @ each
    slopes = (weights[j][:, :, None] * change[:, None]).reshape(len(i), -1)
    return q, i, j, slopes, vectors / d[:, None]


class Features:
    """Random features of the process of one length: energies and forces, linear in the weights."""

    def __init__(self, length: float) -> None:
        random = np.random.default_rng(_SEED)
        size = 4 * len(_CENTRES)
        self._omega = random.normal(size=(3, size, _FEATURES)) / length
        self._phase = random.uniform(0, 2 * np.pi, size=(3, _FEATURES))

    def of(self, path: HopCalls) -> tuple[np.ndarray, np.ndarray]:
        """Return rows of energies against the start and of forces, 3 × 200 columns."""
        energies, forces = [], []
        for sites, q, i, j, slopes, direction in path.neighbours:
            total = np.zeros((3, _FEATURES))
            pull = np.zeros((3, len(q), 3 * _FEATURES))
            pairs = np.tile(np.arange(len(i)), 2)
            signs = np.repeat([1.0, -1.0], len(i))
            ends = csr_array((signs, (np.concatenate([i, j]), pairs)), shape=(len(q), len(i)))
            for site in range(3):
                own = np.flatnonzero(sites == site)
                angle = q[own] @ self._omega[site] + self._phase[site]
                total[site] = np.cos(angle).sum(axis=0)
                rate = np.zeros((len(q), _FEATURES))
                rate[own] = -np.sin(angle)
                kept = np.flatnonzero(sites[i] == site)
                # The derivative of a feature by the distance of each pair.
                along = rate[i[kept]] * (slopes[kept] @ self._omega[site])
                push = direction[kept][:, :, None] * along[:, None, :]
                pull[site] = ends[:, kept] @ push.reshape(len(kept), -1)
            energies.append(total.ravel())
            by_axis = pull.reshape(3, len(q), 3, _FEATURES).transpose(1, 2, 0, 3)
            forces.append(by_axis.reshape(3 * len(q), -1))
        scale = np.sqrt(2 / _FEATURES)
        rows = np.array(energies) * scale
        return rows - rows[path.points["start"]], np.concatenate(forces) * scale


class Regression(NamedTuple):
    """A path as rows A and values y: AᵀA and Aᵀy of energies and forces, the row of the barrier."""

    energies: tuple[np.ndarray, np.ndarray]
    forces: tuple[np.ndarray, np.ndarray]
    barrier: np.ndarray


def regression(path: HopCalls, features: Features) -> Regression:
    """Return a path as a regression on features."""
    rows, pushes = features.of(path)
    energies, forces = path.missing
    flat = np.concatenate(forces).ravel()
    own = (rows.T @ rows, rows.T @ energies), (pushes.T @ pushes, pushes.T @ flat)
    return Regression(*own, rows[path.points["saddle"]])


class LeftOut(BaseModel):
    """A hop whose composition or family was left out; energies in eV, forces in eV/Å."""

    learned_by: Literal["process", "tuning"] = "process"
    potential: str
    left_out: str
    name: str
    missing_ev: float
    learned_ev: float
    error_ev: float
    #: Names that the error is from, less one for a share that was fitted; None: not counted.
    freedom: int | None = None
    same_hops_ev: float | None
    force_mae: float
    force_mae_left: float

    @property
    def half_width_ev(self) -> float:
        """Half an interval of 80 %, eV: Student's for an error that is from few names."""
        return self.error_ev * (_Z80 if self.freedom is None else float(t.ppf(0.9, self.freedom)))

    @property
    def inside(self) -> bool:
        """Whether the interval of 80 % holds."""
        return abs(self.missing_ev - self.learned_ev) <= self.half_width_ev


def judge(potential: str) -> Iterator[LeftOut]:
    """Yield the hops at charge +1 that count, each learned from the others alone."""
    paths = list(read_paths(potential))
    choices = [Features(length) for length in _LENGTHS]
    parts = [[regression(path, features) for path in paths] for features in choices]
    for what in ("composition", "family"):
        names = [path.formula if what == "composition" else path.family for path in paths]
        for name in dict.fromkeys(names):
            kept = [place for place, each in enumerate(names) if each != name]
            chosen, weights, error_ev, freedom = _chosen(paths, parts, names, kept)
            features = choices[chosen]
            for path in (path for path, each in zip(paths, names, strict=True) if each == name):
                rows, pushes = features.of(path)
                energies, forces = path.missing
                flat = np.concatenate(forces).ravel()
                yield LeftOut(
                    potential=potential,
                    left_out=what,
                    name=path.name,
                    missing_ev=round(float(energies[path.points["saddle"]]), 4),
                    learned_ev=round(float(rows[path.points["saddle"]] @ weights), 4),
                    error_ev=round(error_ev, 4),
                    freedom=freedom,
                    same_hops_ev=mean_of_like_hops(path, [paths[place] for place in kept]),
                    force_mae=round(float(np.abs(flat).mean()), 4),
                    force_mae_left=round(float(np.abs(flat - pushes @ weights).mean()), 4),
                )


def mean_of_like_hops(path: HopCalls, others: Iterable[HopCalls]) -> float | None:
    """Return what is missing in hops of the same kind, along an edge or between octahedra, eV."""
    found = [
        other.missing[0][other.points["saddle"]]
        for other in others
        if other.along_edge == path.along_edge
    ]
    return round(float(np.mean(found)), 4) if found else None


def _chosen(
    paths: list[HopCalls], parts: list[list[Regression]], names: list[str], kept: list[int]
) -> tuple[int, np.ndarray, float, int]:
    """Return the process that errs least on the kept paths, each learned from those of other names.

    It is believed only if the others confirm it: where it lowers their squared errors by no more
    than one standard error over names, nothing is corrected.

    Returns:
        Number of its features, weights times the share that is believed, its error, eV (RMS), and
        the degrees of freedom of the error.
    """
    best: tuple[float, int, np.ndarray, np.ndarray] | None = None
    missing = np.array([paths[at].missing[0][paths[at].points["saddle"]] for at in kept])
    ridge = np.eye(3 * _FEATURES)
    for (number, part), noise in product(enumerate(parts), _ENERGY_NOISES):
        normal = {at: _normal(part[at], noise) for at in kept}
        square, right = (sum(each) for each in zip(*normal.values(), strict=True))
        for size in _SIZES:
            learned = {}
            for name in {names[at] for at in kept}:
                own = [normal[at] for at in kept if names[at] == name]
                less, fewer = (sum(each) for each in zip(*own, strict=True))
                learned[name] = np.linalg.solve(square - less + ridge / size**2, right - fewer)
            said = np.array([part[at].barrier @ learned[names[at]] for at in kept])
            share = np.clip(said @ missing / (said @ said), 0, 1)
            errors = missing - share * said
            error_ev = float(np.sqrt((errors**2).mean()))
            if best is None or error_ev < best[0]:
                weights = share * np.linalg.solve(square + ridge / size**2, right)
                best = error_ev, number, weights, errors
    assert best is not None
    error_ev, number, weights, errors = best
    # Hops of one name miss alike: they count as one.
    freedom = len({names[at] for at in kept})
    if not confirmed(missing**2 - errors**2, [names[at] for at in kept]):
        return number, np.zeros_like(weights), float(np.sqrt((missing**2).mean())), freedom
    return number, weights, error_ev, freedom - 1


def confirmed(lowered: np.ndarray, names: list[str]) -> bool:
    """Whether squared errors are lowered by more than one standard error over names.

    Source: L. Breiman, J. H. Friedman, R. A. Olshen, C. J. Stone, Classification and Regression
    Trees (1984), section 3.4.3: the simplest choice within one standard error of the best.
    """
    means = [
        np.mean([each for each, of in zip(lowered, names, strict=True) if of == name])
        for name in dict.fromkeys(names)
    ]
    return bool(np.mean(means) > np.std(means, ddof=1) / np.sqrt(len(means)))


def _normal(path: Regression, energy_noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what a path adds to the normal equations."""
    weights = energy_noise**-2, _FORCE_NOISE**-2
    square, right = (
        weights[0] * energies + weights[1] * forces
        for energies, forces in zip(path.energies, path.forces, strict=True)
    )
    return square, right


def read_paths(potential: str) -> Iterator[HopCalls]:
    benchmark, calls = read_benchmark(convergence.FILE.parent)
    model = load_potential(potential)
    for hop in benchmark.hops:
        if hop.charge == 1 and hop.excluded is None:
            frames = calls[hop.name]
            found = [model.evaluate([frame], stress=False)[0] for frame in frames]
            yield HopCalls(
                hop.name,
                hop.formula,
                hop.hop.startswith("octahedron edge"),
                frames,
                np.array([each["energy"] for each in found]),
                [each["forces"] for each in found],
            )


def read_left_out(file: Path = FILE) -> list[LeftOut]:
    """Read the stored errors; none before this script ran."""
    text = file.read_text(encoding="utf-8") if file.exists() else "[]"
    return TypeAdapter(list[LeftOut]).validate_json(text)


def write_left_out(found: list[LeftOut], file: Path = FILE) -> None:
    """Write the errors of one way of learning; those of the other stay."""
    ways = {each.learned_by for each in found}
    found = [each for each in read_left_out(file) if each.learned_by not in ways] + found
    found.sort(key=lambda each: [*_WAYS].index(each.learned_by))
    texts = ",\n".join(each.model_dump_json() for each in found)
    file.write_text(f"[\n{texts}\n]\n", encoding="utf-8")


def section(found: list[LeftOut]) -> list[str]:
    """Return the part of the page: errors with what was learned from others, and without."""
    if not found:
        return []
    tuning = _TUNING if any(each.learned_by == "tuning" for each in found) else ""
    head = {"verdict": "\n".join(_verdicts(found)), "literature_ev": _literature_half_width_ev()}
    lines = [_HEAD.format(**head, tuning=tuning)]
    lines += [
        "",
        *table(
            "learned by | potential | left out | hops | missing, MAE | learned | mean of like hops "
            "| half width | in 80 % (95 % limits) | forces: missing | learned"
        ),
    ]
    groups: dict[tuple[str, str, str], list[LeftOut]] = defaultdict(list)
    for each in found:
        groups[each.learned_by, each.potential, each.left_out].append(each)
    for names, group in groups.items():
        within = [each.inside for each in group]
        alike = [each for each in group if each.same_hops_ev is not None]
        cells = [
            *names,
            str(len(group)),
            _mean(abs(each.missing_ev) for each in group),
            _mean(abs(each.missing_ev - each.learned_ev) for each in group),
            f"{_mean(abs(each.missing_ev - (each.same_hops_ev or 0)) for each in alike)} "
            f"({len(alike)})",
            _mean(each.half_width_ev for each in group),
            f"{sum(within)} of {len(within)} ({_limits(within)})",
            _mean(each.force_mae for each in group),
            _mean(each.force_mae_left for each in group),
        ]
        lines.append(row(*cells))
    lines += ["", "Each hop, composition left out, what is missing and what was learned, with its"]
    lines += ["error (1 σ, not an interval of 80 %), eV:", ""]
    for each in found:
        if each.left_out == "composition":
            learned = f"{each.learned_ev:+.3f} ± {each.error_ev:.3f}"
            text = f"{each.missing_ev:+.3f}, learned {learned} ({each.learned_by})"
            lines.append(f"- {each.name}, {each.potential}: {text}")
    return lines


def _literature_half_width_ev() -> str:
    """Half width of SevenNet-0's intervals against the literature, where they are narrowest, eV."""
    (own,) = (
        each
        for each in calibration_table().calibrations
        if (each.quantity, each.potential) == ("E_A", POTENTIALS[0])
    )
    low, high = own.lines[0].interval(own.lines[0].mean_ev)
    return f"{(high - low) / 2:.2f}"


def _verdicts(found: list[LeftOut]) -> Iterator[str]:
    """Yield a line for each way of learning: errors of SevenNet-0 on hops that count."""
    for way, words in _WAYS.items():
        texts = []
        for what, several in (("composition", "compositions"), ("family", "families")):
            own = [
                each
                for each in found
                if (each.learned_by, each.potential) == (way, POTENTIALS[0])
                and each.left_out == what
            ]
            if own:
                learned = _mean(abs(each.missing_ev - each.learned_ev) for each in own)
                missing = _mean(abs(each.missing_ev) for each in own)
                words_of = f"{several} left out {learned} eV in place of {missing} eV"
                corrected = sum(each.learned_ev != 0 for each in own)
                texts.append(f"{words_of} ({corrected} of {len(own)} hops corrected)")
        if texts:
            yield f"- {words}: {', '.join(texts)}."


def _limits(within: list[bool]) -> str:
    """Return the limits of a share (E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927))."""
    limits = binomtest(sum(within), len(within)).proportion_ci(method="wilson")
    return f"{limits.low:.2f} to {limits.high:.2f}"


def _mean(values: Iterable[float]) -> str:
    listed = list(values)
    return f"{sum(listed) / len(listed):.3f}" if listed else "–"


_WAYS = {
    "process": "The Gaussian process of neighbours",
    "tuning": "SevenNet-0 with its last layer tuned",
}
_TUNING = """
Or the last layer of SevenNet-0 is tuned on hops that count, with crystals without vacancies
replayed against forgetting (tuning: `validation/dft/charge_fine_tuning.py`; the error of its
intervals is that of the other hops left out). It is not repeated since: it learned from 12 hops,
Cs2AgInCl6 at Γ among them, and from none in 159 atoms."""
_HEAD = """
## What potentials miss at +1, learned from other compositions

**It may help in families that it has seen, it does not in others, and it is used nowhere.** With
it, in place of without:

{verdict}

Aimed at was a mean error of at most 0.08 eV for compositions and for families left out, in
intervals of at most 0.2 eV to each side that hold in 80 %. The errors and widths of SevenNet-0 with
the process are within these aims, and the shares are compatible with 80 %; but a family left out is
no better with it than without, mostly since nothing was corrected there. Against the
literature its intervals have {literature_ev} eV to each side ([lines](calibration.md#lines)).

How it was tried (`validation/dft/charge_correction.py`): the difference of DFT at +1 and a
potential is learned from the energies and forces of all calls of the other compositions, or of the
other families, as a sum over atoms of one Gaussian process of their neighbours (process). The
others, each left out once more, choose the process, what share of it is believed, and its error;
where it lowers their squared errors by no more than one standard error, nothing is
corrected.{tuning}
Missing: E(saddle) − E(start) by DFT less that of the potential, at the structures of DFT. Beside it
the simplest correction: the mean of what is missing in the other hops of the same kind (edge or
between octahedra; in brackets where there are any). Intervals of 80 %: Student's, with as many
degrees of freedom as compositions (or families) that the error is from, less one for the share;
1.28 errors to each side with the tuning.
Energies in eV, components of forces in eV/Å."""


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    one_thread_each()
    write_left_out([each for potential in POTENTIALS for each in judge(potential)])
