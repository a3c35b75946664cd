"""The form that queues a migration barrier: its choices, its fields and their problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from pvkdb.chemistry import Composition, Defect, parse_composition
from pvkdb.errors import FormulaError, InputError, MissingExtraError
from pvkdb.schemas.calculations import registered_potentials
from pvkdb.schemas.calculations.migration import NebRequest, NebSettings, host_phases
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.files.structure_reading import named, read_cif
from pvkdb.store.queue.migration_requests import checked_defect

#: Label and unit of each setting, the most frequently changed ones first.
SETTINGS: dict[str, tuple[str, str]] = {
    "distance_ang": ("Distance of a defect from its periodic images", "Å"),
    "supercell": ("Supercell, in conventional cells", ""),
    "images": ("Images between the end points", ""),
    "cutoff_ang": ("Longest hop", "Å"),
    "max_atoms": ("Maximum atoms in the supercell", ""),
    "fmax_neb_ev_per_ang": ("Residual force at the saddle point", "eV/Å"),
    "fmax_endpoint_ev_per_ang": ("Residual force of the end points", "eV/Å"),
    "fmax_cell_ev_per_ang": ("Residual force of the host", "eV/Å"),
    "max_steps_neb": ("Maximum steps of a path", ""),
    "max_steps_endpoint": ("Maximum steps of an end point", ""),
    "max_steps_cell": ("Maximum steps of the host", ""),
    "rattle_ang": ("Initial random displacement", "Å"),
    "seed": ("Random seed", ""),
    "recheck": ("Compute the limiting hop again", ""),
}

#: Fields of the form.
FIELDS = ("formula", "phase", "defect", "potential", "cif", "cif_phase", *SETTINGS)

_Request = TypeVar("_Request")

_NO_ASE = "this service cannot read structures; on the server, run: pip install 'pvkdb[screening]'"


def formula_choices(formula: str) -> dict[str, Any] | None:
    """Return the phases and defects of a formula, and what is wrong; None without a formula."""
    if not formula:
        return None
    found: dict[str, Any] = {"formula": formula, "family": "", "phases": (), "defects": ()}
    try:
        composition = parse_composition(formula)
    except InputError as error:
        return {**found, "problem": str(error)}
    phases = host_phases(composition)
    problem = None
    if not phases or any(occupant.ion.molecular for occupant in composition.occupants):
        phases = ()
        problem = (
            f"pvkdb has no prototype for {composition.formula} ({composition.family}): upload a "
            "structure as CIF."
        )
    found |= {"formula": composition.formula, "family": composition.family, "phases": phases}
    return {**found, "defects": tuple(_defects(composition)), "problem": problem}


def settings() -> Iterator[dict[str, str]]:
    """Yield every setting with its label, unit, default, bounds and description."""
    words: dict[object, str] = {None: "automatic", True: "yes", False: "no"}
    for name, (label, unit) in SETTINGS.items():
        entry = NebSettings.model_fields[name]
        value = entry.default
        plain = value is None or isinstance(value, bool)
        yield {
            "name": name,
            "label": label,
            "unit": unit,
            "default": words[value] if plain else f"{value:g} {unit}".strip(),
            "bounds": _bounds(entry.metadata),
            "description": entry.description or "",
        }


@dataclass(frozen=True)
class FilledForm(Generic[_Request]):
    """A filled-in form: its texts, and the request or the problems by field."""

    typed: dict[str, str]
    request: _Request | None = None
    problems: dict[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """Return the text of a field."""
        return self.typed.get(name, "")


def read_form(typed: Mapping[str, str]) -> FilledForm[NebRequest]:
    """Return the request of a form, or the problems of all its fields; what a CIF adds is one."""
    kept = {name: typed[name] for name in FIELDS if typed.get(name)}
    problems: dict[str, str] = {}
    composition = None
    host = _host(kept, problems) if "cif" in kept else None
    try:
        composition = parse_composition(kept.get("formula", ""))
    except InputError as error:
        if "formula" in kept:
            problems["formula"] = str(error)
        elif not problems:  # of the CIF
            problems["formula"] = "enter a formula, e.g. CsPbBr3"
    if composition is not None and "defect" in kept:
        try:
            checked_defect(kept["defect"], composition, host.symbols if host else None)
        except InputError as error:
            problems["defect"] = str(error)
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
        return FilledForm(kept, None, complaints(error) | problems)
    return FilledForm(kept, None if problems else request, problems)


def complaints(error: ValidationError) -> dict[str, str]:
    """Return the first complaint about each field of a request."""
    found = dict[str, str]()
    for each in error.errors(include_url=False):
        name = each["loc"][1 if each["loc"][0] == "settings" else 0]
        found.setdefault(str(name), f"{each['msg'][:1].lower()}{each['msg'][1:]}")
    return found


def _host(kept: dict[str, str], problems: dict[str, str]) -> Host | None:
    """Return the uploaded structure; fill in its formula and phase where they are not given."""
    try:
        formula = kept.get("formula", "")
        host = read_cif(kept["cif"], parse_composition(formula) if formula else None)
        found = named(NebRequest(formula=formula, phase=kept.get("cif_phase"), host=host))
    except FormulaError as error:
        problems["formula"] = str(error)
    except InputError as error:
        problems["cif"] = str(error)
    except MissingExtraError:
        problems["cif"] = _NO_ASE
    else:
        given = {"formula": found.formula, "cif_phase": found.phase or ""}
        if any(kept.get(name) != value for name, value in given.items()):
            kept.update(given)
            problems["confirm"] = f"{found.formula}, {found.phase or 'name its phase'}"
        return host
    return None


def _defects(composition: Composition) -> Iterator[str]:
    """Yield vacancies, the halide's first, then interstitials of the ions and electrode metals."""
    elements = [
        occupant.ion.symbol
        for site in ("X", "A", "B")
        for occupant in composition.on(site)
        if not occupant.ion.molecular and not occupant.ion.generic
    ]
    held = list(dict.fromkeys(elements))
    yield from (Defect.vacancy(symbol).label for symbol in held)
    yield from (f"{symbol}_i" for symbol in dict.fromkeys([*held, "Ag", "Cu", "Li"]))


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


DEFAULT_POTENTIAL: str = NebRequest.model_fields["potential"].default.value
#: All potentials, the default first.
POTENTIALS = (
    DEFAULT_POTENTIAL,
    *(name for name in registered_potentials() if name != DEFAULT_POTENTIAL),
)
