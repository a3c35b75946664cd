"""Fit the probability of being a perovskite again, and compare it with what pvkdb ships.

    python curation/tolerance.py

reads the 460 training compounds of Bartel et al. (2019) that lie in ``pvkdb/chemistry/data``,
splits them with a decision tree of one node, fits the sigmoid of Platt scaling to the published
tau, and ends with an error where ``pvkdb/chemistry/platt.py`` holds other coefficients.
"""

from __future__ import annotations

import sys

from pvkdb.chemistry.platt import PEROVSKITE, best_split, fit, training_set
from pvkdb.chemistry.tolerance import TAU_LIMIT


def main() -> int:
    compounds = training_set()
    tau = [compound.tau for compound in compounds]
    labels = [compound.perovskite for compound in compounds]
    fitted = fit(tau, labels)
    apart = max(abs(fitted(compound.tau) - compound.p) for compound in compounds)
    print(f"{len(compounds)} compounds, {sum(labels)} of them perovskites")
    print(f"decision tree of one node: perovskite below tau = {best_split(tau, labels):.3f}")
    print(f"fitted:  slope {fitted.slope:.6f}, offset {fitted.offset:.6f}")
    print(f"shipped: slope {PEROVSKITE.slope:.6f}, offset {PEROVSKITE.offset:.6f}")
    print(f"p at tau = {TAU_LIMIT}: {fitted(TAU_LIMIT):.3f}; p = 0.5 at {fitted.even_odds:.3f}")
    print(f"largest difference to the published probabilities: {apart:.3f}")
    same = max(abs(fitted(x) - PEROVSKITE(x)) for x in tau) < 1e-6
    if not same:
        print("the shipped coefficients are not those of the fit", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
