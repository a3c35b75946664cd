"""Halide vacancies of a screening: references of their energies, and barriers of migration."""

from __future__ import annotations

from itertools import count

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest, NebSettings
from pvkdb.schemas.screening import PhaseEnergy
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue.claims import claim, enqueue, finish, submit
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.prototypes import build, compound_of, prototype
from pvkdb_pipelines.relaxations.compound import relax_request
from pvkdb_pipelines.screening.plan.enumeration import EnumeratedCandidate
from pvkdb_pipelines.screening.stages.tracks import Track
from pvkdb_pipelines.screening.stages.vacancies import (
    barrier_requests,
    element_requests,
    migration_of,
    most_promising,
    reference_compounds,
)
from pvkdb_pipelines.structures.user_structures import store_start

from ....screened import stability
from ...migration.results import hop_barrier, migration_result_of


def track(formula: str, kind: str, above_hull_ev: float | None) -> Track:
    found = Track(EnumeratedCandidate(kind, parse_composition(formula)))
    none = dict.fromkeys(("ground_state", "perovskite"))
    none["perovskite_above_ground_state_ev_per_atom"] = None
    found.stability = stability(above_hull_ev, **none)
    return found


def test_each_type_has_its_turn_the_most_stable_first():
    tracks = [
        track("Cs2PtCl6", "A2BX6", -0.24),
        track("Cs2IrCl6", "A2BX6", -0.22),
        track("Cs2PdCl6", "A2BX6", -0.20),
        track("CsPbI3", "ABX3", -0.01),
        track("CsPbBr3", "ABX3", -0.02),
        track("CsSnI3", "ABX3", None),  # not known: last of its type
    ]
    chosen = [entry.candidate.composition.formula for entry in most_promising(tracks, 5)]
    assert chosen == ["Cs2PtCl6", "CsPbBr3", "Cs2IrCl6", "CsPbI3", "Cs2PdCl6"]
    assert len(most_promising(tracks, 60)) == 6


def test_quotas_limit_halides_and_types():
    tracks = [
        track("Cs2PtCl6", "A2BX6", -0.24),
        track("Cs2PtBr6", "A2BX6", -0.22),
        track("CsPbI3", "ABX3", -0.01),
        track("CsPbBr3", "ABX3", -0.02),
        track("CsPbCl3", "ABX3", -0.03),
        track("CsSnI3", "ABX3", -0.005),
    ]

    def chosen(most, **quotas):
        found = most_promising(tracks, most, quotas)
        return [entry.candidate.composition.formula for entry in found]

    assert chosen(None, Cl=1, Br=1, I=1) == ["Cs2PtCl6", "Cs2PtBr6", "CsPbI3"]
    assert chosen(None, ABX3=2) == ["Cs2PtCl6", "CsPbCl3", "Cs2PtBr6", "CsPbBr3"]
    assert chosen(3, ABX3=2, Cl=0) == ["Cs2PtBr6", "CsPbBr3", "CsPbI3"]


def test_a_barrier_of_the_same_host_is_not_computed_again(empty_store):
    """However it was asked for: from the prototype, or from another start of the phase."""
    compound, chgnet = compound_of(parse_composition("CsPbBr3")), PotentialName.CHGNET
    relaxed = build(compound, "Pnma", rattle_ang=0.01)
    numbers = count(1)

    def done(session, asked: dict[str, object], **changed: object) -> str:
        """End a barrier from another start of the same phase with a made-up result."""
        start = host_of(build(compound, "Pnma", rattle_ang=0.01, seed=next(numbers)))
        given = {"formula": "CsPbBr3", "phase": "Pnma", "potential": chgnet, "host": start, **asked}
        calculation, _ = submit(session, NebRequest.model_validate(given))
        assert claim(session, "a", calculation.id)
        found = migration_result_of("CsPbBr3", hop_barrier(0.2)).model_copy(update=changed)
        finish(session, calculation.id, "a", found.model_dump(mode="json"), {})
        return calculation.key

    with empty_store.session() as session:
        relaxation, _ = enqueue(session, relax_request(compound, prototype("3D", "Pnma"), chgnet))
        structure, _ = store_start(
            session, relaxed, parse_composition("CsPbBr3"), "Pnma", "made up"
        )
        structure.role, structure.calculation_id = "host", relaxation.id
        of = {"phase": "Pnma", "space_group": "Pnma", "findings": [], "failure": None}
        numbers_of_it = {"energy_ev_per_formula": -15.0, "volume_ang3_per_formula": 200.0}
        phase = PhaseEnergy(calculation=relaxation.id, **of, **numbers_of_it)
        done(session, {"settings": NebSettings(images=5)})
        done(session, {"potential": PotentialName.SEVENNET_0})
        done(session, {}, host_left_for="P2_1, 20 meV a formula unit lower")
        done(session, {}, space_group="Cmcm")
        (own,) = barrier_requests(session, compound, phase, [chgnet])
        assert own.host == host_of(relaxed)
        prototypes = done(session, {"host": None})
        done(session, {})
        (found,) = barrier_requests(session, compound, phase, [chgnet])
        assert found.key() == prototypes


def said(*energies: float | None):
    """What a candidate's migration is for values of its potentials, None for a failure."""
    answers = {}
    for potential, energy in zip(("sevennet-0", "chgnet"), energies, strict=True):
        found = Calculation(id=potential, failure_kind="NEB not converged", failure_message="why")
        if energy is not None:
            result = migration_result_of("CsPbBr3", hop_barrier(energy))
            found = Calculation(id=potential, result=result.model_dump(mode="json"))
        answers[NebRequest(formula="CsPbBr3", phase="Pnma", potential=potential)] = found
    return migration_of("Pnma", list(answers), answers.__getitem__)


def test_the_first_potential_counts_and_the_others_say_how_far_to_trust_it():
    found = said(0.21, 0.14)
    assert found.e_a_ev == pytest.approx(0.21)
    assert found.e_a_spread_ev == pytest.approx(0.07)
    assert [outcome.limited_by for outcome in found.outcomes] == ["octahedron edge"] * 2
    # A failure of the first is a fall, and of the second leaves the spread unknown.
    assert said(None, 0.14) is None
    found = said(0.21, None)
    assert found.e_a_spread_ev is None
    assert found.outcomes[1].failure_kind == "NEB not converged"


def names_beside(formula: str) -> set[str]:
    return {other.formula for other in reference_compounds(compound_of(parse_composition(formula)))}


def test_both_charges_of_tin_limit_the_iodine() -> None:
    """Cs2SnI6 appears beside CsSnI3 where iodine is plentiful, CsSnI3 beside Cs2SnI6 where not."""
    assert {"SnI4", "Cs2SnI6", "SnI2", "CsI", "Cs4SnI6"} <= names_beside("CsSnI3")
    assert {"SnI2", "CsSnI3", "SnI4", "CsI"} <= names_beside("Cs2SnI6")
    assert "CsSnI3" not in names_beside("CsSnI3")
    # One charge leaves what it decomposes into.
    assert names_beside("Cs3Bi2I9") == {"CsI", "BiI3", "Cs3BiI6"}


@pytest.mark.parametrize(
    ("formula", "symbols"), [("CsPbBr3", ["Br", "Pb"]), ("Cs2AgBiBr6", ["Br", "Ag", "Bi"])]
)
def test_the_halogen_and_the_metals_are_references(formula: str, symbols: list[str]) -> None:
    requests = element_requests(compound_of(parse_composition(formula)), PotentialName.CHGNET)
    assert [request.symbol for request in requests] == symbols
