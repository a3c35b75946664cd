"""Plans: which ions, which structure types, which filters, which potential, how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pvkdb.chemistry.composition import Site
from pvkdb.chemistry.ions import Ion
from pvkdb.errors import InputError
from pvkdb.schemas.calculations import PotentialName
from pvkdb_pipelines.prototypes import PrototypeInfo, Stoichiometry
from pvkdb_pipelines.screening.plan.conditions import Condition
from pvkdb_pipelines.screening.plan.enumeration import Candidate, Mixing, enumerate_candidates

#: How far a plan may go, in order.
STAGES = ("enumerate", "tolerance", "stability", "vacancy", "barrier")

#: What a stage's filters may ask about a candidate.
COLUMNS: dict[str, dict[str, str]] = {
    "tolerance": {
        "t": "Goldschmidt's tolerance factor",
        "mu": "octahedral factor",
        "tau": "tolerance factor of Bartel et al.",
        "p_perovskite": "probability of being a perovskite",
    },
    "stability": {
        "decomposition_ev_per_atom": "energy that decomposing costs",
        "perovskite_above_ground_state_ev_per_atom": "lowest phase of its type above the lowest",
    },
    "vacancy": {
        "vacancy_x_poor_ev": "formation energy of the neutral halide vacancy, halide-poor",
        "vacancy_x_rich_ev": "the same, halide-rich",
        "host_drop_ev_per_formula": "fall of the host when the halide was put back",
    },
    "barrier": {
        "e_a_ev": "activation energy of the halide vacancy, the bottleneck of its easiest path",
        "e_a_spread_ev": "by how much the potentials differ about it",
    },
}
#: What candidates are ranked by unless a plan says otherwise: the most stable ones first.
DEFAULT_RANKING = "-decomposition_ev_per_atom"


@dataclass(frozen=True, slots=True)
class Barriers:
    """How barriers are computed: of how many candidates, and with which potentials.

    The first potential's value is the candidate's; the others say how far to trust it.
    """

    most: int = 60
    potentials: tuple[PotentialName, ...] = (PotentialName.SEVENNET_0, PotentialName.CHGNET)


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked plan.

    ``filters`` are by the stage that they follow; ``rank_by`` is the column that orders what
    passes, smallest first, or largest first with a minus in front. ``phases`` are the prototypes
    to relax, by stoichiometry, where the plan names them; elsewhere they are chosen by
    :func:`~pvkdb_pipelines.prototypes.candidates`. ``barriers`` is what the plan says of vacancies
    and barriers, which cost more than all that goes before.
    """

    title: str
    types: tuple[str, ...]
    ions: Mapping[Site, tuple[Ion, ...]]
    mixing: tuple[Mixing, ...]
    phases: Mapping[Stoichiometry, tuple[PrototypeInfo, ...]]
    filters: Mapping[str, tuple[Condition, ...]]
    potential: PotentialName
    stop_after: str
    rank_by: str
    text: str
    barriers: Barriers = Barriers()

    def candidates(self) -> list[Candidate]:
        """The compositions that the plan enumerates."""
        return list(enumerate_candidates(self.types, self.ions, self.mixing))


class PlanError(InputError):
    """A plan that cannot be carried out; names the file and the line."""
