"""The interface of potentials: what every source of energies and forces has in common."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb_pipelines.potentials.potential import Potential


def test_what_a_dft_code_says_besides_is_kept_and_only_numbers_are_checked() -> None:
    """Energies of pw.x are total energies, and come with its output, or with None."""
    found = {"energy": -4000.0, "forces": np.ones((1, 3)), "details": None, "fermi_ev": None}
    potential = Potential("espresso", "SSSP", {}, frozenset({"Cs"}), lambda *_: [dict(found)])
    (properties,) = potential.evaluate([Atoms("Cs")])
    assert properties["energy"] == -4000.0
    assert properties["details"] is None
    assert not properties["forces"].any()
    found["energy"] = float("nan")
    with pytest.raises(CalculationFailedError, match="espresso returned an energy"):
        potential.evaluate([Atoms("Cs")])
