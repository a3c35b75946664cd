"""Migration of a point defect: requests, and results with barriers and paths."""

from __future__ import annotations

import re
from math import inf
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import (
    Field,
    ValidationInfo,
    computed_field,
    field_validator,
    model_validator,
)

from pvkdb.chemistry import Composition
from pvkdb.chemistry.ions import LAYER_PHASES
from pvkdb.chemistry.phases import MEASURED
from pvkdb.chemistry.sites import is_spacer
from pvkdb.display.notebook import NotebookView, plot
from pvkdb.errors import InputError
from pvkdb.operations.fields import InCommand
from pvkdb.schemas import RequestModel
from pvkdb.schemas.calculations import AnyPotential, FailureKind, PotentialName, bounds
from pvkdb.schemas.calculations.relaxations import MOST_ATOMS, CalculationRequest, Host
from pvkdb.schemas.calculations.reliability import barrier_doubts

__all__ = ["NebRequest", "NebResult", "NebSettings"]

#: Raised whenever a change of the code changes the numbers of a barrier for the same settings.
BARRIER_RECIPE = 5


#: Prototypes of the host by family, the likeliest first (`pvkdb structure --list`).
HOST_PHASES: dict[str, tuple[str, ...]] = {
    "3D": ("Pnma", "Pm-3m", "P4/mbm", "I4/mcm", "R-3c", "R3m", "delta", "2H", "4H", "6H", "9R"),
    "double": ("Fm-3m", "P2_1/n"),
    "vacancy-ordered": ("Fm-3m", "P4/mnc", "P-3m1"),
    "A3B2X9": ("P6_3/mmc", "P-3m1"),
    "RP": ("I4/mmm", "Pnma"),
}
#: The same of other families, by A : B : X.
_OF_RATIO: dict[tuple[float, ...], tuple[str, ...]] = {
    (4, 1, 6): ("R-3c",),
    (3, 1, 6): ("C2/c", "P2_1/n", "Fm-3m"),
    (1, 2, 5): ("I4/mcm",),
    (1, 2, 3): ("Cmcm",),
    (3, 2, 5): ("Pnma",),
}
#: Of these, the ones whose A sites hold no molecules.
_NO_MOLECULES = frozenset({"delta", "2H", "4H", "6H", "9R"})


def host_phases(composition: Composition) -> tuple[str, ...]:
    """Return the prototypes of a host, the one to try first in front; empty if there is none.

    Molecules are placed in perovskites, and in the layers that are theirs. With Ge on the B site,
    tilted phases become others (Pnma of CsGeI3 with SevenNet-0 Pc, 51 meV a formula unit lower),
    and R3m is kept (docs/validation/structures.md). Where no perovskite is sought, the phase that
    was measured comes first.
    """
    a, b, x = (composition.on("A"), composition.on("B"), composition.on("X"))
    ratio = tuple(sum((each.number or 0.0 for each in ions), 0.0) for ions in (a, b, x))
    known = HOST_PHASES.get(composition.family) or _OF_RATIO.get(ratio, ())
    for occupant in a:
        if is_spacer(occupant.ion):
            held = LAYER_PHASES.get(occupant.ion.symbol) if ratio == (2, 1, 4) else None
            return (held,) if held else ()
        if occupant.ion.molecular:
            known = tuple(phase for phase in known if phase not in _NO_MOLECULES)
    first = None
    if composition.family != "3D" and (measured := MEASURED.get(composition.formula)):
        first = measured.prototype
    elif any(occupant.ion.symbol == "Ge" for occupant in b):
        first = "R3m"
    return tuple(sorted(known, key=lambda phase: phase != first))


#: Shipped potentials whose training data have no dispersion forces.
_WITHOUT_DISPERSION = frozenset(PotentialName) - {PotentialName.SEVENNET_0_D3}


def require_dispersion(composition: Composition, potential: str) -> None:
    """Refuse potentials without dispersion forces for layers that molecules hold apart.

    Raises:
        InputError: the potential has none.
    """
    spacers = [o.ion for o in composition.on("A") if is_spacer(o.ion)]
    if spacers and potential in _WITHOUT_DISPERSION:
        raise InputError(
            f"{potential} has no dispersion forces, which hold the layers of {composition.formula} "
            f"together across {spacers[0]}; use --potential {PotentialName.SEVENNET_0_D3}"
        )


class NebSettings(RequestModel):
    """Numerical settings of migration barriers. Every field enters the content key.

    Forces in eV/Å, lengths in Å.
    """

    images: int | None = Field(
        default=None,
        ge=3,
        le=25,
        description="Images between the end points; default: one each 1.1 Å, 3 at least.",
    )
    cutoff_ang: Annotated[float | None, InCommand("--cutoff", "ANG")] = Field(
        default=None,
        gt=0,
        le=10,
        description="Longest hop; default: the longest edge of an octahedron (without octahedra "
        "1.2 times the shortest hop), or what leads through the crystal in three dimensions "
        "where that is more.",
    )
    distance_ang: Annotated[float, InCommand("--distance", "ANG")] = Field(
        default=10.0, ge=8.5, le=30, description="Least distance of a defect from its images."
    )
    supercell: Annotated[str | None, InCommand(value="NxNxN")] = Field(
        default=None,
        examples=["2x2x2"],
        exclude_if=lambda multiples: multiples is None,  # not in the content key
        description="Supercell in conventional cells, e.g. 2x2x2; default: the smallest that keeps "
        "the distance.",
    )
    max_atoms: int = Field(
        default=400, ge=1, le=MOST_ATOMS, description="Larger supercells are refused."
    )
    fmax_cell_ev_per_ang: Annotated[float, InCommand("--fmax-cell")] = Field(
        default=0.01,
        ge=1e-4,
        le=0.1,
        description="Largest force at which the cell counts as relaxed, eV/Å.",
    )
    fmax_endpoint_ev_per_ang: Annotated[float, InCommand("--fmax-endpoint")] = Field(
        default=0.01,
        ge=1e-4,
        le=0.1,
        description="Largest force at which an end point is relaxed, eV/Å.",
    )
    fmax_neb_ev_per_ang: Annotated[float, InCommand("--fmax")] = Field(
        default=0.01, ge=1e-4, le=0.1, description="Largest force on the saddle point, eV/Å."
    )
    max_steps_cell: int = Field(
        default=500, ge=1, le=5000, description="Most steps of the relaxation of the cell."
    )
    max_steps_endpoint: int = Field(
        default=400, ge=1, le=5000, description="Most steps of the relaxation of an end point."
    )
    max_steps_neb: Annotated[int, InCommand("--max-steps")] = Field(
        default=200, ge=1, le=5000, description="Most steps of the NEB."
    )
    rattle_ang: Annotated[float, InCommand("--rattle", "ANG")] = Field(
        default=0.05, ge=0, le=0.2, description="Starting random shift."
    )
    seed: int = Field(
        default=2145,
        ge=0,
        lt=2**32,
        description="Seed of the random shift, and of the arrangement of a mixture.",
    )
    recheck: bool = Field(
        default=True,
        description="Compute the limiting hop again, from a rattled path with two more images.",
    )

    @field_validator("supercell")
    @classmethod
    def _of_three(cls, multiples: str | None) -> str | None:
        if multiples is not None and not re.fullmatch("[1-9][0-9]?(x[1-9][0-9]?){2}", multiples):
            raise ValueError("not three multiples up to 99; write e.g. 2x2x2")
        return multiples


class NebRequest(CalculationRequest):
    """Request for the migration of a defect, from `pvkdb neb` or the service."""

    recipe: ClassVar[int] = BARRIER_RECIPE
    kind: Literal["neb"] = Field(default="neb", description="Kind of calculation.")
    formula: str = Field(
        description="Composition, e.g. CsPbBr3; empty for that of the structure in `host`.",
        max_length=200,
    )
    phase: str | None = Field(
        default=None,
        max_length=40,
        description="Prototype of the host, or what the structure in `host` is called; None for "
        "the likeliest prototype, e.g. Pnma for ABX3, or the space group of the structure.",
    )
    defect: str | None = Field(
        default=None,
        max_length=8,
        description="V_Br, Br_i, Ag_i…; None for the vacancy of the halide.",
    )
    potential: AnyPotential = Field(
        default=PotentialName.SEVENNET_L3I5,
        description="Potential that computes it: see `pvkdb potentials`.",
    )
    host: Host | None = Field(
        default=None, description="Structure to start from in place of a prototype."
    )
    settings: NebSettings = NebSettings()


class PostedSettings(NebSettings):
    """Numerical settings of migration barriers: forces in eV/Å, lengths in Å.

    Unlike the files of plans, JSON must give numbers as numbers: neither true nor "5".
    """

    @field_validator("*", mode="before")
    @classmethod
    def _as_in_json(cls, value: object, info: ValidationInfo) -> object:
        if info.field_name == "supercell":
            return value
        flag = info.field_name == "recheck"
        if isinstance(value, str) or isinstance(value, bool) is not flag:
            raise ValueError("give true or false" if flag else "give a number")
        return value


class PostedRequest(NebRequest):
    """The migration of a defect whose barrier is requested."""

    settings: PostedSettings = Field(default=PostedSettings(), description="Numerical settings.")


class CompleteNebRequest(NebRequest):
    """A request in canonical spelling with every default filled in, as it is queued and computed.

    Made by :func:`pvkdb.store.queue.migration_requests.complete_request`.
    """

    phase: str = Field(max_length=40)
    defect: str = Field(max_length=8)


class DefectSite(bounds.CalculationResult):
    """One of the symmetry-distinct sites of a defect."""

    name: str = Field(description="Element and a number, e.g. Br1.")
    multiplicity: int = Field(description="Equivalent sites in the conventional cell.")
    position: tuple[float, float, float] = Field(
        description="Position of one of them, in fractions of the conventional cell."
    )
    energy_ev: bounds.Saddle = Field(
        description="Energy of the relaxed defect on it, above the lowest site."
    )
    symmetry_broken: bool = Field(
        description="Whether the defect relaxes below what the symmetry of its site allows."
    )
    steps: bounds.Count


class Hop(bounds.CalculationResult):
    """A class of symmetry-equivalent hops. For a vacancy, an ion at ``end`` moves to ``start``."""

    start: str = Field(description="Name of a site.")
    end: str
    length_ang: bounds.Length
    hop_class: str = Field(description="In words, e.g. 'octahedron edge'.")
    multiplicity: int = Field(description="Equivalent hops in the conventional cell.")
    direction: tuple[float, float, float] = Field(
        description="From start to end, in conventional cell vectors."
    )


class HopBarrier(bounds.CalculationResult):
    """The path of a hop. Energies in eV relative to the first image, forces in eV/Å."""

    hop: Hop
    outcome: Literal["saddle", "monotonic", "composed", "failed"] = Field(
        description="monotonic: the path only rises from one end to the other; composed: it leads "
        "over another site, so that other hops make it up."
    )
    failure_kind: FailureKind | None = None
    failure_message: str | None = None
    barrier_forward_ev: bounds.Barrier | None = None
    barrier_reverse_ev: bounds.Barrier | None = None
    saddle_ev: bounds.Saddle | None = Field(
        default=None, description="Highest point of the path above the lowest site."
    )
    images: bounds.Count = Field(default=0, description="Between the end points.")
    by_half: bool = Field(
        default=False, description="Whether symmetry gave one half of the path from the other."
    )
    molecules_turned_deg: float | None = Field(
        default=None,
        ge=0,
        le=180,
        exclude_if=lambda angle: angle is None,
        description="Largest angle by which a molecule is turned between the ends of the path.",
    )
    residual_force_ev_per_ang: bounds.Force | None = Field(
        default=None, description="Largest force on the highest image."
    )
    band_residual_ev_per_ang: bounds.Force | None = Field(
        default=None,
        description="Largest NEB force on any image of the band that the saddle was searched from.",
    )
    reaction_coordinate_ang: list[float] = Field(
        default=[], description="Path length of each image, from 0."
    )
    image_energies_ev: list[bounds.EnergyDifference] = Field(default=[])
    image_tangent_forces_ev_per_ang: list[float] = Field(
        default=[],
        description="True force along the path at each image, for the interpolated profile.",
    )
    recheck_saddle_ev: bounds.EnergyDifference | None = Field(
        default=None,
        description="Saddle found again from a rattled path with two more images.",
    )
    recheck_failure: str | None = Field(
        default=None, description="Why that path found none; null too where it was not tried."
    )

    @model_validator(mode="after")
    def _one_path(self) -> HopBarrier:
        energies = (self.barrier_forward_ev, self.barrier_reverse_ev, self.saddle_ev)
        found = self.outcome in ("saddle", "monotonic")
        if any((energy is not None) != found for energy in energies):
            raise ValueError(f"a hop that is {self.outcome} has {'' if found else 'no '}barriers")
        path = (self.reaction_coordinate_ang, self.image_energies_ev)
        lengths = {len(values) for values in (*path, self.image_tangent_forces_ev_per_ang)}
        if lengths != {self.images + 2 if found else 0}:
            raise ValueError(f"a path of {self.images} images does not have {lengths} energies")
        return self


class PercolationThreshold(bounds.CalculationResult):
    """The easiest path through the crystal in some directions, and the hop that limits it."""

    direction: Literal["1D", "2D", "3D", "a", "b", "c"] = Field(
        description="1D, 2D, 3D, or an axis of the conventional cell: a, b, c."
    )
    e_a_ev: bounds.Saddle = Field(description="Highest saddle of the path above the lowest site.")
    hop: int = Field(ge=0, description="Index of the hop class that limits it.")


class MigrationPath(NamedTuple):
    """An easiest path: its dimensions, ``2D``, its activation energy, and numbers of its hops."""

    direction: str
    e_a_ev: float | None
    hops: list[int]


class NebResult(bounds.CalculationResult, NotebookView):
    """Barriers of a defect in one host with one potential."""

    formula: str
    phase: str
    space_group: str = Field(description="Space group of the relaxed host.")
    host_left_for: str | None = Field(
        description="Structure of the host if the requested phase is not a minimum of the "
        "potential; the barriers are those of this structure."
    )
    species: str
    defect: str
    charge: int | None = Field(
        description="Charge of the defect; None where the potential cannot set one (neutral cell)."
    )
    e_a_ev: bounds.Saddle = Field(
        description="Bottleneck of the path that leads on in most dimensions, among those that are "
        "within 0.1 eV of the easiest of all."
    )
    dimensionality: Literal[1, 2, 3] = Field(description="Dimensions in which that path leads on.")
    upper_bound: bool = Field(
        description="Whether a hop that failed might lie on an easier path than those found."
    )
    percolation: list[PercolationThreshold]
    sites: list[DefectSite]
    hops: list[HopBarrier]
    cutoff_ang: bounds.Length = Field(description="Longest hop that was looked at.")
    lattice_parameters: bounds.Lattice = Field(
        description="Relaxed conventional cell: a, b, c in Å, alpha, beta, gamma in degrees."
    )
    supercell: tuple[tuple[int, int, int], ...] = Field(
        description="Vectors of the supercell in those of the primitive cell."
    )
    atoms_in_cell: bounds.Atoms = Field(description="With the defect.")
    distance_ang: bounds.Length = Field(description="Distance of a defect from its nearest image.")
    host_drop_ev_per_formula: bounds.EnergyDifference = Field(
        description="How far the host fell when it was rattled or healed, 0 where it did not."
    )
    exchange_spread_ev: bounds.EnergyDifference | None = Field(
        default=None,
        exclude_if=lambda spread: spread is None,
        description="Standard deviation of the energy of exchanging two ions of a mixture beside "
        "a vacancy, of which site energies hold the mean.",
    )
    force_calls: bounds.Count = Field(
        description="Energy-and-force evaluations of one structure each."
    )
    cpu_seconds: bounds.Seconds = Field(description="Processor time of the computing process.")
    wall_seconds: bounds.Seconds
    neb_method: str = Field(description="e.g. 'improvedtangent, climbing image'.")
    optimizer: str

    @model_validator(mode="after")
    def _one_network(self) -> NebResult:
        limits = {str(entry.direction): entry.hop for entry in self.percolation}
        if f"{self.dimensionality}D" not in limits or max(limits.values()) >= len(self.hops):
            raise ValueError(f"no hop limits the path in {self.dimensionality} dimensions")
        return self

    @property
    def host(self) -> str:
        """The requested phase, and the space group that it changed to: ``I4/mmm → Cmce``."""
        return f"{self.phase} → {self.space_group}" if self.host_left_for else self.phase

    @property
    def doubts(self) -> list[str]:
        """Why the barrier may be wrong, each as ``name: details``."""
        turned = self.limiting.molecules_turned_deg
        return barrier_doubts(self.e_a_ev, self.phase, self.host_left_for, turned)

    def paths(self) -> list[MigrationPath]:
        """Return the easiest paths, each with the hops that the paths before it do not have.

        The last entry is of the hops on none of them, and has no energy.
        """
        saddles = [inf if each.saddle_ev is None else each.saddle_ev for each in self.hops]
        left, found = dict(enumerate(saddles, start=1)), list[MigrationPath]()
        ways = [each for each in self.percolation if each.direction[0].isdigit()]
        for way in sorted(ways, key=lambda each: (each.e_a_ev, each.direction)):
            hops = [number for number, ev in left.items() if ev <= way.e_a_ev + 1e-9]
            if not hops and found:
                hops = found.pop().hops  # one path in more dimensions
            found.append(MigrationPath(way.direction, way.e_a_ev, hops))
            left = {number: ev for number, ev in left.items() if number not in hops}
        return [*found, MigrationPath("", None, list(left))]

    def _picture(self) -> str:
        path, energies = self.limiting.reaction_coordinate_ang, self.limiting.image_energies_ev
        return plot([(path, energies)], "Along the limiting hop (Å)", "Energy (eV)")

    @property
    def limiting_number(self) -> int:
        """Number of the limiting hop, from 1: the bottleneck in ``dimensionality`` dimensions."""
        wanted = f"{self.dimensionality}D"
        return next(entry.hop for entry in self.percolation if entry.direction == wanted) + 1

    @property
    def limiting(self) -> HopBarrier:
        """The limiting hop with its barrier."""
        return self.hops[self.limiting_number - 1]

    def threshold_ev(self, direction: str) -> float | None:
        """Bottleneck of the easiest path in ``3D`` or along ``c``, eV; None if there is no path."""
        for threshold in self.percolation:
            if threshold.direction == direction:
                return threshold.e_a_ev
        return None

    @computed_field(description="The limiting hop.")  # type: ignore[prop-decorator]
    @property
    def hop(self) -> Hop:
        """The class of hops that limits the easiest path."""
        return self.limiting.hop

    @computed_field(description="Barrier of the limiting hop.")  # type: ignore[prop-decorator]
    @property
    def barrier_forward_ev(self) -> float | None:
        """Barrier of the limiting hop from its start, eV."""
        return self.limiting.barrier_forward_ev

    @computed_field(description="The same from its other end.")  # type: ignore[prop-decorator]
    @property
    def barrier_reverse_ev(self) -> float | None:
        """Barrier of the limiting hop from its end, eV."""
        return self.limiting.barrier_reverse_ev

    @computed_field(description="Largest NEB force on its band.")  # type: ignore[prop-decorator]
    @property
    def residual_force_ev_per_ang(self) -> float | None:
        """Largest NEB force on the band of the limiting hop, eV/Å."""
        return self.limiting.residual_force_ev_per_ang

    @computed_field(description="Images of its band.")  # type: ignore[prop-decorator]
    @property
    def image_energies_ev(self) -> list[float]:
        """Energies of the images of the limiting hop, eV, relative to the first."""
        return self.limiting.image_energies_ev
