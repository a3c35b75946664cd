"""The migration barriers of a candidate: of the halide, and of electrode metals.

The halide's activation energy of the literature, or else of pvkdb's DFT, and that of potentials are
two barriers, never one. A metal's barrier (Table 2 of the review) is added if an electrode could
supply the metal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.schemas.rankings import Grade
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.models.energetics import Energetic
from pvkdb.suitability.evidence.evidence import Candidate, Evidence, joined
from pvkdb.suitability.evidence.phases import reported

#: Halides in the table `energetics`; X is any of them.
HALIDES = frozenset({"Cl", "Br", "I", "X"})
#: Electrode metals whose ions are known to migrate: section 3.2.1.1 of the review.
ACTIVE = frozenset({"Ag", "Al", "Cu", "Ni"})
Basis = Literal["literature", "DFT", "potentials", "electrode", "given"]
#: Metrics of the activation energy and of the formation energy. Those of the literature may be
#: computed where it has none.
SOURCES: Mapping[Basis, tuple[str, str]] = {
    "literature": ("e_a_ev", "dfe_ev"),
    "potentials": ("e_a_model_ev", "dfe_model_ev"),
}


@dataclass(frozen=True, slots=True)
class Barrier:
    """An activation energy that an ion of a candidate may have to cross.

    ``species`` is ``halide`` or the symbol of a metal; ``formation`` is the formation energy of the
    vacancy from the same kind of source, if known.
    """

    species: str
    basis: Basis
    energy: Evidence
    formation: Evidence | None = None


def as_interval(evidence: Evidence) -> Interval:
    """Return numeric evidence as an interval, of which one side may be open."""
    return Interval(evidence.minimum, evidence.maximum, approximate=evidence.qualifier == "~")


def _basis_of(slot: Basis, evidence: Evidence) -> Basis:
    """Return where an energy in the place of a source comes from, by its grade."""
    found: dict[Grade, Basis] = {Grade.OWN_DFT: "DFT", Grade.CALIBRATED: "potentials"}
    return found.get(evidence.grade, slot)


class KnownBarriers:
    """The known migration barriers of candidates, from the evidence on phases of compositions.

    Those of metals are by material, as :func:`metal_barriers` gives them.
    """

    def __init__(
        self,
        materials: Iterable[Candidate] = (),
        metals: Mapping[str, Mapping[str, Evidence]] | None = None,
    ) -> None:
        self._materials = {each.id: each.evidence for each in materials}
        self._metals = metals or {}

    def of(self, candidate: Candidate) -> list[Barrier]:
        """Return the barriers of a candidate: halide as known best, by potentials, then metals.

        The metals of a device are its electrodes' metals; for a material they are all that are
        known to migrate.
        """
        known = candidate.evidence
        if candidate.kind != "material":
            known = self._of_absorber(candidate.material)
        found = []
        for slot, metrics in SOURCES.items():
            energy, formation = map(known.get, metrics)
            if energy is None or not energy.known:
                continue
            # A calibrated energy in the place of the literature's comes with those of potentials.
            if (basis := _basis_of(slot, energy)) in (slot, "DFT"):
                alike = formation and _basis_of(slot, formation) == basis
                found.append(Barrier("halide", basis, energy, formation if alike else None))
        wanted = ACTIVE if candidate.kind == "material" else candidate.electrodes
        metals = self._metals.get(candidate.material or candidate.id, {})
        found += [
            Barrier(metal, "electrode", evidence)
            for metal, evidence in sorted(metals.items())
            if metal in wanted
        ]
        return found

    def _of_absorber(self, material: str | None) -> Mapping[str, Evidence]:
        """Return the evidence on an absorber; if it has no barrier, that on its phases."""
        if material is None:
            return {}
        own = self._materials.get(material, {})
        if any(energy in own for energy, _ in SOURCES.values()):
            return own
        start = f"{material}-"
        phases = [each for name, each in self._materials.items() if name.startswith(start)]
        names = [name for pair in SOURCES.values() for name in pair]
        listed = {name: [each[name] for each in phases if name in each] for name in names}
        note = f"the phase of {material} is not known: {len(phases)} phases"
        return {name: joined(parts, note=note) for name, parts in listed.items() if parts}


def metal_barriers(session: Session) -> dict[str, dict[str, Evidence]]:
    """Return activation energies of metals that are not part of a composition, by material.

    The formula of a composition has those of all its phases.
    """
    # The few defects are in an index; a store may have many energies.
    defects = session.scalars(select(Energetic.defect).distinct())
    wanted = ENERGETICS.rows.loads.where(
        Energetic.counted(),
        *(Energetic.quantity == "E_A", Energetic.method != "MLIP"),
        Energetic.defect.in_([each for each in defects if each.endswith("_i")]),
    )
    statements = session.scalars(wanted.order_by(Energetic.id)).unique()
    found: dict[str, dict[str, list[Energetic]]] = defaultdict(lambda: defaultdict(list))
    for entry in statements:
        own = {occupancy.ion for occupancy in entry.material.composition.occupancies}
        if entry.species not in own | HALIDES and entry.defect == f"{entry.species}_i":
            for name in {entry.material_id, entry.material.composition.formula}:
                found[name][entry.species].append(entry)
    return {
        material: {metal: reported(listed) for metal, listed in metals.items()}
        for material, metals in found.items()
    }
