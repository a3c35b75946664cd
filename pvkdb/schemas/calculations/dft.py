"""Density-functional theory: settings, requests and results.

A request contains its structures, so that it can be computed without the database. Its settings are
completed before it is queued (:mod:`pvkdb_pipelines.dft.settings`): cutoffs, k-points and files are
then explicit, and the content key holds everything that decides the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from pvkdb.operations.fields import InCommand
from pvkdb.schemas import RequestModel
from pvkdb.schemas.calculations import AnyPotential, bounds
from pvkdb.schemas.calculations.relaxations import CalculationRequest, Host

#: Raised whenever a change of the code changes the numbers for the same settings.
DFT_RECIPE = 1
#: An element, its orbital and U in eV.
_HUBBARD = r"[A-Z][a-z]?-[1-7][spdf]=\d+(?:\.\d+)?"


class Engine(StrEnum):
    """Codes that solve the Kohn–Sham equations."""

    ESPRESSO = "espresso"
    CP2K = "cp2k"
    GPAW = "gpaw"
    VASP = "vasp"


#: Basis sets of CP2K, with the pseudopotentials that they were made for: those of the MOLOPT and
#: UCL files (SR: short range), and those of Zurich (GGA), which every element of the review has.
BasisSet = Literal[
    "DZVP-MOLOPT-SR-GTH",
    "TZVP-MOLOPT-SR-GTH",
    "TZV2P-MOLOPT-SR-GTH",
    "DZVP-MOLOPT-GGA-GTH",
    "TZVP-MOLOPT-GGA-GTH",
    "TZV2P-MOLOPT-GGA-GTH",
]


class PseudopotentialFile(RequestModel):
    """The pseudopotential file of an element, with its MD5 sum.

    CP2K keeps pseudopotentials and basis sets of all elements in shared files: ``file`` names both
    entries of the element, and the MD5 sum is that of their text.
    """

    element: str
    file: str
    md5: str


def _omitted(value: object) -> bool:
    """Whether a field that was added later is left out, so that content keys stay as they were."""
    return value is None or value is False


class DftSettings(RequestModel):
    """Settings that determine the numbers of a calculation, besides its structure.

    Every field enters the content key. Fields that are None are filled in before queueing.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    engine: Engine = Engine.ESPRESSO
    functional: Literal["PBE", "PBEsol", "r2SCAN"] = Field(
        default="PBE",
        description="PBEsol needs own files with espresso; r2SCAN needs vasp.",
    )
    cutoff_wfc_ry: Annotated[float | None, InCommand("--cutoff", "RY")] = Field(
        default=None,
        ge=10,
        le=500,
        description="Cutoff of the wave functions; default: the largest that SSSP recommends for "
        "one of the elements (espresso), or 520 eV as in the Materials Project (gpaw, vasp). With "
        "cp2k REL_CUTOFF, the cutoff of the grid for a Gaussian of exponent 1; default: 50 Ry.",
    )
    cutoff_rho_ry: Annotated[float | None, InCommand("--density-cutoff", "RY")] = Field(
        default=None,
        ge=40,
        le=5000,
        description="Cutoff of the density (espresso); default: the recommended one, or as "
        "many times a given cutoff of the wave functions as is recommended. With cp2k CUTOFF, that "
        "of the finest grid; default: 400 Ry.",
    )
    kpoint_grid: Annotated[tuple[int, int, int] | None, InCommand("--kpoints", "NxNxN")] = Field(
        default=None, description="Γ-centred grid, e.g. 2x2x2; default: one of the spacing."
    )
    kpoint_spacing_per_ang: Annotated[float | None, InCommand("--spacing", "1/ANG")] = Field(
        default=None,
        gt=0,
        le=2,
        description="Largest distance of k-points, 2π included; 0.3 where no grid is given. "
        "Settling makes a grid of it.",
    )
    off_gamma: bool = Field(
        default=False,
        exclude_if=_omitted,
        description="Even numbers of k-points half a step off Γ (Monkhorst and Pack 1976, "
        "espresso): half as many to compute where a cell has no symmetry.",
    )
    smearing: Literal["fixed", "gaussian", "cold", "fermi-dirac"] = Field(
        default="gaussian",
        description="Smearing of the occupations; `fixed` is for insulators only; a neutral "
        "vacancy has an odd electron.",
    )
    smearing_width_ev: Annotated[float, InCommand("--width")] = Field(
        default=0.05, gt=0, le=0.5, description="Width of the smearing."
    )
    charge: int = Field(
        default=0, ge=-6, le=6, description="Charge of the cell, balanced by a uniform background."
    )
    correction: Literal["none", "makov-payne"] = Field(
        default="none",
        description="Correction of the energy of a charged cell for its images; makov-payne is the "
        "leading term, which cancels in barriers at one charge and cell.",
    )
    dielectric_constant: Annotated[float | None, InCommand("--dielectric")] = Field(
        default=None, ge=1, le=1000, description="Dielectric constant for the correction: static."
    )
    dielectric_source: str | None = Field(
        default=None, min_length=3, max_length=200, description="Source of the dielectric constant."
    )
    magnetization_mub: Annotated[float | None, InCommand("--moment", "MUB")] = Field(
        default=None,
        ge=-100,
        le=100,
        description="Total moment that a spin-polarised calculation holds; default: no spin.",
    )
    soc: bool = Field(
        default=False,
        description="Spin–orbit coupling: vasp, or espresso with own fully relativistic files.",
    )
    scf_threshold_ry: float = Field(default=1e-8, ge=1e-14, le=1e-3)
    scf_max_steps: int = Field(default=100, ge=1, le=1000)
    mixing_beta: float = Field(default=0.4, gt=0, le=1)
    pseudopotentials: tuple[PseudopotentialFile, ...] = Field(
        default=(),
        description="One a element (espresso, cp2k); filled in when queued.",
    )
    basis_set: Annotated[BasisSet | None, InCommand(value="NAME")] = Field(
        default=None,
        exclude_if=_omitted,
        description="Gaussians (cp2k); default: DZVP-MOLOPT-GGA-GTH.",
    )
    dispersion: Literal["D3(BJ)"] | None = Field(
        default=None,
        exclude_if=_omitted,
        description="Dispersion correction of Grimme; not gpaw.",
    )
    hubbard: Annotated[str | None, InCommand(value="TEXT")] = Field(
        default=None,
        exclude_if=_omitted,
        pattern=rf"^{_HUBBARD}(, ?{_HUBBARD})*$",
        description="U of orbitals, eV, e.g. 'Ni-3d=4.0, Fe-3d=4.5'; pvkdb knows no values.",
    )
    potcar_release: Literal["PBE_52", "PBE_54", "PBE_64"] | None = Field(
        default=None,
        exclude_if=_omitted,
        description="Release of VASP's POTCARs as pymatgen names it; default: PBE_54.",
    )

    @property
    def method(self) -> str:
        """The functional with what is added to it: ``PBE+U-D3(BJ)``."""
        with_u = f"{self.functional}+U" if self.hubbard else self.functional
        return f"{with_u}-{self.dispersion}" if self.dispersion else with_u

    @property
    def hubbard_u_ev(self) -> dict[str, tuple[str, float]]:
        """Orbital and U, eV, of each element with one: ``{"Ni": ("3d", 4.0)}``."""
        terms = re.findall(r"(\w+)-(\w+)=([\d.]+)", self.hubbard or "")
        return {element: (orbital, float(u_ev)) for element, orbital, u_ev in terms}

    @model_validator(mode="before")
    @classmethod
    def _of_cp2k(cls, values: Any) -> Any:
        """CP2K minimises the energy of occupied orbitals: fixed occupations, Γ alone."""
        if isinstance(values, Mapping) and values.get("engine") == Engine.CP2K:
            values = {"smearing": "fixed", "kpoint_grid": (1, 1, 1), **values}
            if values["kpoint_grid"] is None and values.get("kpoint_spacing_per_ang") is None:
                values["kpoint_grid"] = (1, 1, 1)
        return values

    @model_validator(mode="after")
    def _consistent(self) -> DftSettings:
        if self.kpoint_grid is not None and self.kpoint_spacing_per_ang is not None:
            raise ValueError("give a k-point grid or a spacing, not both")
        wfc, rho = self.cutoff_wfc_ry, self.cutoff_rho_ry
        if wfc is not None and rho is not None and rho < 4 * wfc:
            raise ValueError(
                f"a density cutoff of {rho:g} Ry is below 4 times that of the wave functions "
                f"({wfc:g} Ry), whose squares need as much; leave it open"
            )
        if self.kpoint_grid is not None and not all(1 <= n <= 60 for n in self.kpoint_grid):
            raise ValueError("a k-point grid has 1 to 60 points along each axis")
        if self.correction == "makov-payne" and (
            self.charge == 0 or self.dielectric_constant is None or self.dielectric_source is None
        ):
            raise ValueError(
                "makov-payne needs a charge, the dielectric constant and where that is from"
            )
        self._refuse_what_the_code_lacks()
        if self.engine is Engine.CP2K and (
            self.smearing != "fixed" or self.kpoint_grid != (1, 1, 1)
        ):
            raise ValueError(
                "cp2k runs with fixed occupations and at Γ alone; use a large cell or espresso"
            )
        if self.engine is Engine.VASP and self.smearing in ("fixed", "cold"):
            raise ValueError(f"VASP has no smearing {self.smearing!r}; use gaussian")
        return self

    def _refuse_what_the_code_lacks(self) -> None:
        own = "espresso with own files (SSSP's are scalar relativistic and made for PBE)"
        own = "espresso" if self.pseudopotentials else own
        for asked, name, codes in (
            (self.soc, "spin–orbit coupling", ("vasp", own)),
            (self.functional == "PBEsol", "PBEsol", ("vasp", own, "gpaw", "cp2k")),
            (self.functional == "r2SCAN", "r2SCAN", ("vasp",)),
            (self.dispersion, "D3", ("vasp", "espresso", "cp2k")),
            (self.hubbard, "U", ("vasp", "espresso")),
            (self.potcar_release, "a release of POTCARs", ("vasp",)),
            (self.basis_set, "a basis set", ("cp2k",)),
            (self.off_gamma, "a grid off Γ", ("espresso",)),
        ):
            if asked and self.engine.value not in codes:
                raise ValueError(
                    f"{name} is not to be had with {self.engine}; use {' or '.join(codes)}"
                )
        if self.soc and self.magnetization_mub is not None:
            raise ValueError("with spin–orbit coupling no total moment is held; leave it open")


class DftRequest(CalculationRequest):
    """Fields that every DFT request has besides its structures."""

    recipe: ClassVar[int] = DFT_RECIPE
    formula: str = Field(max_length=200, description="Composition, without the defect.")
    phase: str | None = Field(default=None, max_length=40)
    defect: str | None = Field(default=None, max_length=8, description="E.g. V_Br, in the cell.")
    parent: str | None = Field(
        default=None, description="Calculation or structure that the structures are from."
    )
    hop: int | None = Field(default=None, ge=1, le=1000, description="Its hop, from 1.")
    lattice: str | None = Field(
        default=None,
        exclude_if=_omitted,
        description="Relaxation by DFT whose cell replaces that of the potential.",
    )
    demonstration: bool = Field(
        default=False,
        description="The numbers show that the machinery runs, and nothing else: no statement is "
        "made of them.",
    )
    settings: DftSettings = DftSettings()


class DftScfRequest(DftRequest):
    """Request for energy and forces of one structure."""

    kind: Literal["dft-scf"] = "dft-scf"
    structure: Host


class DftRelaxRequest(DftRequest):
    """Request for the relaxation of a host, or of a vacancy cell with a charge."""

    kind: Literal["dft-relax"] = "dft-relax"
    structure: Host
    cell: bool = Field(default=False, description="Relax the cell too.")
    fmax_ev_per_ang: float = Field(default=0.03, ge=1e-4, le=0.5)
    max_steps: int = Field(default=100, ge=1, le=2000)


class PathImage(RequestModel):
    """A structure of a migration path: ``start``, ``saddle``, ``end``, or ``image 2``."""

    name: str
    structure: Host


class DftPathRequest(DftRequest):
    """Request for single points on the path of a potential, a cheap estimate of its barrier."""

    kind: Literal["dft-path"] = "dft-path"
    images: tuple[PathImage, ...] = Field(
        min_length=3,
        max_length=100,
        description="In their order along the path; both ends among them.",
    )

    @model_validator(mode="after")
    def _one_path(self) -> DftPathRequest:
        _require_one_cell([image.structure for image in self.images])
        names = [image.name for image in self.images]
        if len(set(names)) < len(names) or (names[0], names[-1]) != ("start", "end"):
            raise ValueError("the images of a path begin with 'start', end with 'end', and differ")
        return self


class DftNebRequest(DftRequest):
    """Request for a climbing-image NEB from the path of a potential; ends are relaxed first."""

    kind: Literal["dft-neb"] = "dft-neb"
    images: tuple[Host, ...] = Field(
        min_length=3, max_length=100, description="Both ends among them."
    )
    path: Literal["IDPP"] | None = Field(
        default=None,
        exclude_if=_omitted,
        description="How the images between the ends were made; None: by a potential.",
    )
    fmax_endpoint_ev_per_ang: float = Field(default=0.03, ge=1e-4, le=0.5)
    fmax_neb_ev_per_ang: float = Field(default=0.05, ge=1e-4, le=0.5)
    max_steps_endpoint: int = Field(default=60, ge=1, le=2000)
    max_steps_neb: int = Field(default=100, ge=1, le=2000)

    @model_validator(mode="after")
    def _one_path(self) -> DftNebRequest:
        _require_one_cell(self.images)
        return self


class DftHopRequest(DftRequest):
    """Request for the relaxed ends and the saddle point of a hop, from the path of a potential."""

    kind: Literal["dft-hop"] = "dft-hop"
    images: tuple[PathImage, PathImage, PathImage] = Field(description="start, saddle and end.")
    guide: AnyPotential = Field(description="Potential of the path, which guides the search.")
    equivalent_ends: bool = Field(default=False, description="Then the second is not relaxed.")
    fmax_ev_per_ang: float = Field(default=0.05, ge=1e-4, le=0.5)
    energy_left_ev: float = Field(
        default=0.005, ge=1e-4, le=0.1, description="Predicted to be left where a search ends."
    )
    max_force_calls: int = Field(default=40, ge=1, le=500, description="For each structure.")

    def search_key(self) -> str:
        """Key of the force calls: with other limits, the search goes on from the same ones."""
        limits = {"fmax_ev_per_ang", "energy_left_ev", "max_force_calls"}
        return type(self).model_validate(self.model_dump(exclude=limits)).key()

    @model_validator(mode="after")
    def _one_saddle(self) -> DftHopRequest:
        _require_one_cell([image.structure for image in self.images])
        if [image.name for image in self.images] != ["start", "saddle", "end"]:
            raise ValueError("a hop has the images 'start', 'saddle' and 'end'")
        return self


class DftAfterRequest(CalculationRequest):
    """Request for DFT on the path of a barrier that is not computed yet.

    Once the barrier is done, this becomes a request of the named method.
    """

    recipe: ClassVar[int] = DFT_RECIPE
    kind: Literal["dft-after"] = "dft-after"
    barrier: str = Field(description="Calculation of the kind neb.")
    formula: str = Field(max_length=200, description="Its composition, without the defect.")
    phase: str | None = Field(default=None, max_length=40)
    method: Literal["path", "neb", "hop"] = "path"
    hop: int | None = Field(default=None, ge=1, le=1000, description="None for the limiting one.")
    settings: DftSettings = DftSettings()
    fmax_neb_ev_per_ang: float | None = Field(default=None, ge=1e-4, le=0.5)
    max_steps_neb: int | None = Field(default=None, ge=1, le=2000)

    @model_validator(mode="after")
    def _limits_of_a_band(self) -> DftAfterRequest:
        limits = (self.fmax_neb_ev_per_ang, self.max_steps_neb)
        if self.method != "neb" and limits != (None, None):
            raise ValueError("these are limits of a band; use method neb")
        return self


class DftAfterResult(bounds.CalculationResult):
    """Result of ``dft-after``: the calculation queued when the barrier was done."""

    calculation: str
    kind: str


#: DFT requests of the queue.
AnyDft = DftScfRequest | DftRelaxRequest | DftPathRequest | DftHopRequest | DftNebRequest
DFT_REQUESTS: dict[str, type[AnyDft]] = {
    model.model_fields["kind"].default: model for model in get_args(AnyDft)
}


class SinglePoint(bounds.CalculationResult):
    """Energy and forces of one structure."""

    name: str
    energy_ev: bounds.TotalEnergy = Field(
        description="Total energy, with smearing the free energy, which the forces derive from; "
        "without correction for the charge."
    )
    forces_ev_per_ang: list[list[float]] = Field(description="Shape (atoms, 3).")
    max_force_ev_per_ang: bounds.Force
    scf_steps: int | None = None
    scf_accuracy_ry: float | None = Field(default=None, description="Estimate at the last step.")
    smearing_energy_ev: float | None = Field(default=None, description="−TS within the energy.")
    fermi_ev: float | None = Field(
        default=None, description="Fermi energy, or the highest occupied level."
    )
    magnetization_mub: float | None = None


class DftResult(bounds.CalculationResult):
    """Fields that every DFT result has: settings, origin and cost."""

    method: Literal["DFT"] = "DFT"
    origin: Literal["computed", "imported"] = Field(
        default="computed", description="imported: run by hand and taken back by pvkdb."
    )
    settings: DftSettings = Field(description="As they were computed with, nothing left open.")
    atoms: bounds.Atoms
    correction_ev: float | None = Field(
        default=None,
        description="To be added to every energy of a charged cell; None where no correction was "
        "requested.",
    )
    remarks: list[str] = Field(default=[], description="Reasons to trust the numbers less.")
    force_calls: bounds.Count
    cpu_seconds: bounds.Seconds | None = Field(
        description="Processor time, that of the program included."
    )
    wall_seconds: bounds.Seconds | None


class DftScfResult(DftResult):
    """Result of ``dft-scf``."""

    point: SinglePoint


class DftRelaxResult(DftResult):
    """Result of ``dft-relax``."""

    structure: Host = Field(description="Relaxed.")
    energy_ev: bounds.TotalEnergy
    max_force_ev_per_ang: bounds.Force
    steps: bounds.Count


class DftPathResult(DftResult):
    """Result of ``dft-path``: DFT energies of the structures on the path of a potential."""

    points: list[SinglePoint]
    highest: str = Field(description="Name of the image of highest energy between the ends.")
    barrier_forward_ev: bounds.EnergyDifference = Field(
        description="E(highest) − E(start); an estimate."
    )
    barrier_reverse_ev: bounds.EnergyDifference = Field(description="E(highest) − E(end).")


class DftNebResult(DftResult):
    """Result of ``dft-neb``."""

    images: list[Host] = Field(description="The converged band, both ends among them.")
    image_energies_ev: list[bounds.EnergyDifference] = Field(
        description="Relative to the first image."
    )
    reaction_coordinate_ang: list[float]
    barrier_forward_ev: bounds.Barrier
    barrier_reverse_ev: bounds.Barrier
    residual_force_ev_per_ang: bounds.Force = Field(description="Largest NEB force on any image.")
    neb_method: str
    steps: bounds.Count


class HopPoint(SinglePoint):
    """A relaxed end or the saddle point of a hop."""

    structure: Host
    estimate_ev: bounds.TotalEnergy = Field(description="On the geometry of the guide.")
    energy_left_ev: bounds.EnergyDifference = Field(description="Predicted change; not added.")
    force_calls: bounds.Count
    other_ev: bounds.TotalEnergy | None = Field(
        default=None,
        description="Of an end that was searched twice, alone and with the surroundings of the "
        "saddle point: the energy of the higher minimum.",
    )


class DftHopResult(DftResult):
    """Result of ``dft-hop``: ends relaxed with DFT, and the saddle point between them."""

    points: list[HopPoint] = Field(
        min_length=2, max_length=3, description="start, saddle, and end if it is not equivalent."
    )
    barrier_forward_ev: bounds.Barrier = Field(description="E(saddle) − E(start).")
    barrier_reverse_ev: bounds.Barrier = Field(description="E(saddle) − E(end).")
    residual_force_ev_per_ang: bounds.Force = Field(description="Largest force on the saddle.")
    curvatures_ev_per_ang2: list[float] = Field(
        min_length=1, description="Of unstable modes at the saddle, along the hop first; estimated."
    )
    guide_versions: dict[str, str] = Field(description="Packages and weights of the guide.")
    not_converged: str | None = Field(
        default=None,
        description="Why the energies make no barrier, such as ends in other tilts than the saddle "
        "point. The structures are kept; no statement is made of them.",
    )


AnyDftResult = DftScfResult | DftRelaxResult | DftPathResult | DftHopResult | DftNebResult


def _require_one_cell(structures: list[Host] | tuple[Host, ...]) -> None:
    first = structures[0]
    if any(
        other.symbols != first.symbols or other.cell_ang != first.cell_ang for other in structures
    ):
        raise ValueError("the images of a path have the same atoms in the same order and cell")
