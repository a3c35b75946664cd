"""Asking for a migration barrier on a page: choices, what was typed, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from pvkdb.chemistry import Composition, Defect, parse_composition
from pvkdb.errors import InputError, MissingExtraError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import HOST_PHASES, NebRequest, NebSettings
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.files.structure_reading import read_cif, space_group_of

#: Name and unit of each setting; the ones that are changed most come first.
SETTINGS: dict[str, tuple[str, str]] = {
    "distance_ang": ("Distance of a defect from its images", "Å"),
    "images": ("Images between the end points", ""),
    "cutoff_ang": ("Longest hop", "Å"),
    "max_atoms": ("Most atoms of the supercell", ""),
    "fmax_neb_ev_per_ang": ("Residual force on the saddle", "eV/Å"),
    "fmax_endpoint_ev_per_ang": ("Residual force of the end points", "eV/Å"),
    "fmax_cell_ev_per_ang": ("Residual force of the host", "eV/Å"),
    "max_steps_neb": ("Most steps of a path", ""),
    "max_steps_endpoint": ("Most steps of an end point", ""),
    "max_steps_cell": ("Most steps of the host", ""),
    "rattle_ang": ("Random shift at the start", "Å"),
    "seed": ("Seed of the random shift", ""),
    "recheck": ("Compute the limiting hop again", ""),
}

#: Fields of the form.
FIELDS = ("formula", "phase", "defect", "potential", "cif", "cif_phase", *SETTINGS)

_NO_ASE = "structures cannot be read here; on the server: pip install 'pvkdb[screening]'"


@dataclass(frozen=True, slots=True)
class Known:
    """What follows from a formula."""

    formula: str
    family: str
    phases: tuple[str, ...]
    defects: tuple[str, ...]
    problem: str | None = None


def known_of(formula: str) -> Known | None:
    """Phases and defects to choose from; None without a formula."""
    if not formula:
        return None
    try:
        composition = parse_composition(formula)
    except InputError as error:
        return Known(formula, "", (), (), str(error))
    phases = HOST_PHASES.get(composition.family, ())
    problem = None
    if not phases or any(occupant.ion.molecular for occupant in composition.occupants):
        phases = ()
        problem = (
            f"No prototype holds {composition.formula} ({composition.family}): bring a structure "
            "of it as CIF."
        )
    return Known(
        composition.formula, composition.family, phases, tuple(_defects(composition)), problem
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """A numerical setting as a field of the form."""

    name: str
    label: str
    unit: str
    default: str
    bounds: str
    description: str


def settings() -> Iterator[Setting]:
    """Every setting, with its default and its bounds."""
    for name, (label, unit) in SETTINGS.items():
        entry = NebSettings.model_fields[name]
        value = entry.default
        shown = (
            "chosen by the program"
            if value is None
            else {True: "yes", False: "no"}[value]
            if isinstance(value, bool)
            else f"{value:g} {unit}".strip()
        )
        yield Setting(name, label, unit, shown, _bounds(entry.metadata), _words(entry.description))


@dataclass(frozen=True)
class Asking:
    """A form as it was filled in; a request, or what is wrong with it, by field."""

    typed: dict[str, str]
    request: NebRequest | None = None
    problems: dict[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.typed.get(name, "")


def read(typed: Mapping[str, str]) -> Asking:
    """The request that a form makes. Every field that is wrong is told, not the first alone."""
    kept = {name: typed[name] for name in FIELDS if typed.get(name)}
    problems: dict[str, str] = {}
    composition = None
    try:
        composition = parse_composition(kept.get("formula", ""))
    except InputError as error:
        problems["formula"] = str(error) if kept.get("formula") else "write a formula, e.g. CsPbBr3"
    host = None
    if "cif" in kept and composition is not None:
        host = _host(kept, composition, problems)
    if composition is not None and "defect" in kept:
        problems |= _missing(kept["defect"], composition)
    given: dict[str, Any] = {
        "formula": kept.get("formula", ""),
        "phase": kept.get("cif_phase") if "cif" in kept else kept.get("phase"),
        "defect": kept.get("defect"),
        "host": host,
        "settings": {name: kept[name] for name in SETTINGS if name in kept},
    }
    if "potential" in kept:
        given["potential"] = kept["potential"]
    try:
        request = NebRequest.model_validate(given)
    except ValidationError as error:
        for complaint in error.errors(include_url=False):
            name = str(complaint["loc"][1 if complaint["loc"][0] == "settings" else 0])
            text = str(complaint["msg"])
            problems.setdefault(name, f"{text[:1].lower()}{text[1:]}")
        return Asking(kept, None, problems)
    return Asking(kept, None if problems else request, problems)


def _host(kept: dict[str, str], composition: Composition, problems: dict[str, str]) -> Host | None:
    """The structure that was brought; its phase must be named, for which its space group is put
    into the form."""
    try:
        host = read_cif(kept["cif"], composition)
        if "cif_phase" not in kept:
            group = space_group_of(host)
            kept["cif_phase"] = group or ""
            problems["cif_phase"] = (
                f"name the phase of this structure. Its space group is {group}, which stands here "
                "now; keep it, or write a name that tells it from other structures of this group"
                if group
                else "name the phase of this structure"
            )
    except InputError as error:
        problems["cif"] = str(error)
    except MissingExtraError:
        problems["cif"] = _NO_ASE
    else:
        return host
    return None


def _missing(defect: str, composition: Composition) -> dict[str, str]:
    """What is wrong with a vacancy of what the composition does not hold."""
    try:
        found = Defect.parse(defect)
    except InputError:
        return {}  # refused with the reason when it is queued
    held = [occupant.ion.symbol for occupant in composition.occupants]
    if found.kind == "vacancy" and found.species not in held:
        return {
            "defect": f"{composition.formula} holds no {found.species} that could be missing; it "
            f"holds {', '.join(held)}"
        }
    return {}


def _defects(composition: Composition) -> Iterator[str]:
    """Vacancies of the elements, the halide's first, then their interstitials and those of
    electrodes."""
    elements = [
        occupant.ion.symbol
        for site in ("X", "A", "B")
        for occupant in composition.on(site)
        if not occupant.ion.molecular and not occupant.ion.generic
    ]
    held = list(dict.fromkeys(elements))
    yield from (Defect.vacancy(symbol).label for symbol in held)
    yield from (f"{symbol}_i" for symbol in dict.fromkeys([*held, "Ag", "Cu", "Li"]))


def _words(description: str | None) -> str:
    """A description for people, to whom a field is empty and not None."""
    return (description or "").replace("None for", "Empty:")


def _bounds(metadata: list[Any]) -> str:
    ends = {}
    for entry in metadata:
        for name in ("ge", "gt", "le", "lt"):
            if (value := getattr(entry, name, None)) is not None:
                ends[name] = str(value) if isinstance(value, int) else f"{value:g}"
    if "ge" in ends and "le" in ends:
        return f"{ends['ge']} to {ends['le']}"
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return ", ".join(f"{signs[name]} {value}" for name, value in ends.items())


#: Every phase of a prototype, by family, for a page without scripts.
FAMILIES = HOST_PHASES
DEFAULT_POTENTIAL: str = NebRequest.model_fields["potential"].default.value
#: The default first.
POTENTIALS = (
    DEFAULT_POTENTIAL,
    *(name.value for name in PotentialName if name != DEFAULT_POTENTIAL),
)
