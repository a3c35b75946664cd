"""Barriers of a screening: the candidates that get one, their calculations and results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest

from sqlalchemy.orm import Session

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest, NebResult
from pvkdb.schemas.screening import BarrierOutcome, Migration, PhaseEnergy
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue.migration_requests import complete_request
from pvkdb_pipelines.prototypes import Compound
from pvkdb_pipelines.screening.stages.tracks import Track
from pvkdb_pipelines.screening.stages.vacancies import relaxed_host

_UNRANKED = float("inf")


def most_promising(tracks: Sequence[Track], most: int) -> list[Track]:
    """Return the most stable candidates, one of each structure type in turn.

    The most stable ones of all would be of one type: chlorides of 4+ metals.
    """
    by_type: dict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        by_type[track.candidate.type].append(track)

    def cost(track: Track) -> tuple[float, str]:
        energy = track.value("decomposition_ev_per_atom")
        return (_UNRANKED if energy is None else -energy), track.candidate.name

    turns = zip_longest(*(sorted(group, key=cost) for group in by_type.values()))
    return [track for track in chain.from_iterable(turns) if track is not None][:most]


def barrier_requests(
    session: Session, compound: Compound, phase: PhaseEnergy, potentials: Sequence[PotentialName]
) -> list[NebRequest]:
    """Return a request for each potential, all from the structure that the screening relaxed."""
    host = relaxed_host(session, phase)
    return [
        complete_request(
            NebRequest(formula=compound.formula, phase=phase.phase, potential=potential, host=host)
        )
        for potential in potentials
    ]


def migration_of(
    phase: str, requests: Sequence[NebRequest], of: Callable[[NebRequest], Calculation]
) -> Migration | None:
    """Return the activation energies of the potentials; None if the first has no value."""
    outcomes = [_outcome(request, of(request)) for request in requests]
    first = outcomes[0].e_a_ev
    if first is None:
        return None
    energies = [outcome.e_a_ev for outcome in outcomes if outcome.e_a_ev is not None]
    spread = max(energies) - min(energies) if len(energies) > 1 else None
    return Migration(phase=phase, e_a_ev=first, e_a_spread_ev=spread, outcomes=outcomes)


def _outcome(request: NebRequest, calculation: Calculation) -> BarrierOutcome:
    result = None if calculation.result is None else NebResult.model_validate(calculation.result)
    return BarrierOutcome(
        potential=request.potential.value,
        calculation=calculation.id,
        e_a_ev=result.e_a_ev if result else None,
        dimensionality=result.dimensionality if result else None,
        limited_by=result.limiting.hop.hop_class if result else None,
        upper_bound=result is not None and result.upper_bound,
        host_left_for=result.host_left_for if result else None,
        failure_kind=None if result else calculation.failure_kind,
        failure=None if result else calculation.failure_message,
    )
