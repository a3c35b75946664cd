"""Dispersion forces for potentials whose training data, PBE, have none."""

from __future__ import annotations

from collections.abc import Sequence

from ase import Atoms

from pvkdb_pipelines.potentials.potential import Evaluate, Properties


def with_dispersion(evaluate: Evaluate) -> Evaluate:
    """Return a model plus Grimme's D3 with Becke-Johnson damping and the parameters of PBE.

    Two-body terms; 0.06 s for 156 atoms. Without it the layers of BA2PbI4 and PEA2PbI4 drift
    apart (docs/validation/structures.md).

    Raises:
        ImportError: the package dftd3 is not installed.

    Source: S. Grimme, S. Ehrlich, L. Goerigk, J. Comput. Chem. 32, 1456 (2011),
    doi:10.1002/jcc.21759.
    """
    from dftd3.ase import DFTD3

    calculator = DFTD3(method="PBE", damping="d3bj")

    def both(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        found = evaluate(structures, stress)
        for structure, properties in zip(structures, found, strict=True):
            atoms = structure.copy()
            atoms.set_constraint()  # constraints would change the forces
            atoms.calc = calculator
            properties["forces"] = properties["forces"] + atoms.get_forces()
            properties["energy"] += atoms.get_potential_energy()
            if stress:
                properties["stress"] = properties["stress"] + atoms.get_stress()
        return found

    return both
