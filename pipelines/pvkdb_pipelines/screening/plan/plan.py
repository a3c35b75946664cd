"""Plans: which ions, structure types, filters and potential a screening uses, and how far it goes.

Fields of the models are keys of a plan file: TOML, checked in full before anything runs. Ions are
named with a charge, ``Sn2+``, or without, ``Sn`` for each of its common charges.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pvkdb.chemistry.ions import (
    HALIDES,
    NON_METALS,
    Ion,
    cation_charges,
    common_charges,
    molecular_ions,
)
from pvkdb.chemistry.sites import Site
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.calculations import AnyPotential, PotentialName, registered_potentials
from pvkdb.schemas.toml_files import (
    TomlTable,
    attempt,
    check_keys,
    one_of,
    read_text,
    read_toml,
    refused,
    some_of,
)
from pvkdb_pipelines.potentials.loading import local_potential
from pvkdb_pipelines.prototypes import (
    STOICHIOMETRIES,
    PrototypeInfo,
    Stoichiometry,
    phases,
    prototype,
)
from pvkdb_pipelines.prototypes.catalogue import PEROVSKITE_PHASES
from pvkdb_pipelines.screening.plan.conditions import PlanCondition
from pvkdb_pipelines.screening.plan.enumeration import (
    TYPES,
    EnumeratedCandidate,
    Mixing,
    enumerated,
    products_of,
    read_listed,
)
from pvkdb_pipelines.screening.plan.products import SITES, Products

#: How far a plan may go, in order.
STAGES = ("enumerate", "tolerance", "stability", "vacancy", "barrier")

#: Columns that the filters of a stage may use.
COLUMNS: dict[str, dict[str, str]] = {
    "tolerance": {
        "t": "Goldschmidt's tolerance factor",
        "mu": "octahedral factor",
        "tau": "tolerance factor of Bartel et al.",
        "p_perovskite": "probability of being a perovskite",
    },
    "stability": {
        "above_hull_ev_per_atom": "energy above the hull of its competitors; negative is stable",
        "perovskite_above_ground_state_ev_per_atom": "lowest phase of its type above the lowest",
        "mixing_ev_per_formula": "a mixture above its ends in the same phase, eV per formula unit",
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
#: What candidates are ranked by unless a plan names another column: the most stable ones first.
DEFAULT_RANKING = "above_hull_ev_per_atom"
#: Smaller shares of an ion are dopants, which no stage of a screening describes.
_LEAST_SHARE = 0.001

#: Which barriers are wanted.
Goal = Literal["low", "high"]

_ION = re.compile(r"(?P<symbol>[A-Za-z][\w-]*?)(?:(?P<size>\d)?(?P<sign>[+-]))?")
_EXAMPLES: dict[Site, str] = {
    "A": '["Cs", "MA"]',
    "B": '["Pb", "Sn2+", "Bi"]',
    "X": '["I", "Br"]',
}
_SHIPPED = resources.files("pvkdb_pipelines.screening") / "plans"

Phases = Mapping[Stoichiometry, tuple[PrototypeInfo, ...]]
Filters = Mapping[str, tuple[PlanCondition, ...]]


class PlanError(InputError):
    """A plan that cannot be carried out; the message names the file and the line."""


def _read_ions(table: Any) -> dict[Site, tuple[Ion, ...]]:
    """Return the ions of each site from the ``[ions]`` table of a plan."""
    check_keys(table, SITES)
    ions: dict[Site, tuple[Ion, ...]] = {}
    for site in SITES:
        names = table.get(site)
        if not isinstance(names, list) or not names:
            raise refused(f"ions.{site} must be a list of ions, e.g. {_EXAMPLES[site]}", site)
        found = [
            ion
            for place, name in enumerate(names)
            for ion in attempt(_ions_of, site, name, at=(site, place))
        ]
        ions[site] = tuple(dict.fromkeys(found))
    return ions


def _ions_of(site: Site, name: object) -> list[Ion]:
    """Return the ions that a name means.

    Raises:
        InputError: the name is not an ion, or the ion cannot occupy the site.
    """
    match = _ION.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise InputError(f"ions.{site}: {name!r} is not an ion; write e.g. {_EXAMPLES[site]}")
    symbol = match["symbol"]
    if symbol in HALIDES:
        known = [Ion(symbol, -1)]
    elif symbol in molecular_ions():
        known = [molecular_ions()[symbol].ion]
    else:
        charges = () if symbol in NON_METALS else cation_charges(symbol)
        known = [Ion(symbol, charge) for charge in charges]
    if not known:
        raise InputError(
            f"ions.{site}: {symbol!r} is not an ion that pvkdb knows (see: pvkdb export ions)"
        )
    if (known[0].charge > 0) == (site == "X"):
        raise InputError(
            f"ions.{site}: {name!r} cannot occupy the {site} site: wrong sign of charge"
        )
    if not match["sign"]:
        return [ion for ion in known if ion.charge in common_charges(symbol)] or known
    charge = int(f"{match['sign']}{match['size'] or 1}")
    if chosen := [ion for ion in known if ion.charge == charge]:
        return chosen
    choices = ", ".join(map(str, known))
    raise InputError(
        f"ions.{site}: {name!r} has no such charge in Shannon's table; known: {choices}"
    )


def _read_formulas(names: Any, info: ValidationInfo) -> tuple[EnumeratedCandidate, ...]:
    """Return the candidates that formulas, and files relative to the plan, name."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise refused(f"{names!r} is not a list of formulas and files")
    folder = (info.context or {}).get("folder", Path())
    found: list[EnumeratedCandidate] = []
    problems: dict[int, str] = {}
    for place, name in enumerate(names):
        try:
            found += read_listed(folder, name)
        except InputError as error:
            problems[place] = str(error)
    if problems:
        raise refused("\n".join(problems.values()), next(iter(problems)))
    return tuple(found)


def _read_quotas(table: Any) -> Mapping[str, int]:
    check_keys(table, (*sorted(HALIDES), *TYPES), "halide or type")
    for name, most in table.items():
        if type(most) is not int or most < 0:
            raise refused(f"quotas.{name}: {most!r} is not a number of candidates", name)
    return dict(table)


def _read_mixing(table: Any) -> tuple[Mixing, ...]:
    check_keys(table, SITES)
    found = []
    for site, shares in table.items():
        for share in shares if isinstance(shares, list) else [shares]:
            number = isinstance(share, int | float) and not isinstance(share, bool)
            if not number or not _LEAST_SHARE <= share <= 1 - _LEAST_SHARE:
                raise refused(
                    f"mixing.{site}: {share!r} is not a share; give one from {_LEAST_SHARE} to "
                    f"{1 - _LEAST_SHARE}",
                    site,
                )
            found.append(Mixing(site, Fraction(str(share))))
    return tuple(found)


def _read_phases(table: Any) -> Phases:
    check_keys(table, STOICHIOMETRIES)
    chosen: dict[Stoichiometry, tuple[PrototypeInfo, ...]] = {}
    for name, wanted in table.items():
        if not isinstance(wanted, list) or not wanted:
            known = ", ".join(info.phase for info in phases(name))
            raise refused(f"phases.{name} must be a list of some of {known}", name)
        found = [
            attempt(prototype, name, str(phase), at=(name, place))
            for place, phase in enumerate(wanted)
        ]
        chosen[name] = tuple(dict.fromkeys(found))
        own = PEROVSKITE_PHASES.get(name, frozenset())
        if own and not own & {info.phase for info in found}:
            raise refused(
                f"phases.{name} = {wanted!r} needs one of its own phases, {', '.join(sorted(own))}",
                name,
            )
    return chosen


def _read_filters(table: Any) -> Filters:
    check_keys(table, COLUMNS)
    return {
        stage: tuple(
            attempt(PlanCondition.parse, str(text), COLUMNS[stage], at=(stage, place))
            for place, text in enumerate(texts if isinstance(texts, list) else [texts])
        )
        for stage, texts in table.items()
    }


def _potential(name: Any, *place: int) -> str:
    return attempt(local_potential, str(name), at=place)


def _potentials(names: Any) -> Any:
    if not isinstance(names, list) or not names:
        raise refused(f"{names!r} is not a list of some of {', '.join(registered_potentials())}")
    return list(dict.fromkeys(_potential(name, place) for place, name in enumerate(names)))


class BarrierSettings(TomlTable):
    """How many candidates get a barrier, and with which potentials.

    ``quotas`` are by halide and structure type; with them, ``most`` applies only if it is given.
    The first potential gives the candidate's value; the others show how far to trust it. With a
    ``goal`` the barriers of all are estimated, a surrogate chooses the next ``batch`` of barriers,
    and none is computed after ``patience`` batches without one that is among the ``best`` lowest
    or highest.
    """

    most: int = Field(default=60, ge=1, strict=True)
    quotas: Annotated[Mapping[str, int], PlainValidator(_read_quotas)] = Field(default_factory=dict)
    potentials: Annotated[tuple[AnyPotential, ...], BeforeValidator(_potentials)] = (
        PotentialName.SEVENNET_L3I5,
        PotentialName.CHGNET,
    )
    goal: Goal | None = None
    batch: int = Field(default=4, ge=1, le=1000, strict=True)
    patience: int = Field(default=3, ge=1, strict=True)
    best: int = Field(default=10, ge=1, strict=True)

    @property
    def limit(self) -> int | None:
        """Largest number of candidates in total; None if only the quotas limit it."""
        return None if self.quotas and "most" not in self.model_fields_set else self.most


class Plan(TomlTable):
    """A checked plan.

    Candidates are the products of ``ions`` over ``types``, and ``formulas``, which may be in files.
    ``filters`` are by the stage that they follow; ``rank_by`` is the column that orders the
    candidates that passed, smallest first, or largest first with a minus in front. ``phases``
    are the prototypes to relax, by stoichiometry, where the plan names them; elsewhere
    :func:`~pvkdb_pipelines.prototypes.candidates` chooses them.
    """

    title: Annotated[str, BeforeValidator(str)] = ""
    types: Annotated[tuple[str, ...], BeforeValidator(some_of("type", TYPES))] = tuple(TYPES)
    ions: Annotated[Mapping[Site, tuple[Ion, ...]], PlainValidator(_read_ions)] = Field(
        default_factory=dict
    )
    formulas: Annotated[tuple[EnumeratedCandidate, ...], PlainValidator(_read_formulas)] = ()
    mixing: Annotated[tuple[Mixing, ...], PlainValidator(_read_mixing)] = ()
    phases: Annotated[Phases, PlainValidator(_read_phases)] = Field(default_factory=dict)
    filters: Annotated[Filters, PlainValidator(_read_filters)] = Field(default_factory=dict)
    potential: Annotated[AnyPotential, BeforeValidator(_potential)] = PotentialName.SEVENNET_0
    stop_after: Annotated[str, BeforeValidator(one_of("stop_after", STAGES))] = "stability"
    rank_by: str = Field(default="", validate_default=True)
    barriers: BarrierSettings = BarrierSettings()
    text: str = Field(default="", exclude=True, description="Text of the file, set by its reader.")

    @cached_property
    def products(self) -> list[tuple[str, bool, Products]]:
        """Products of the ions, with their type and whether a site of theirs has two ions."""
        return list(products_of(self.types, self.ions, self.mixing)) if self.ions else []

    def candidates(self) -> list[EnumeratedCandidate]:
        """Return the compositions that the plan enumerates and lists, each once."""
        return list(self.stream())

    def stream(self, conditions: Sequence[PlanCondition] = ()) -> Iterator[EnumeratedCandidate]:
        """Yield the candidates one by one; of those enumerated, those that meet conditions.

        The conditions are on tolerance factors; where these are not defined they do not apply.
        """
        listed: dict[str, EnumeratedCandidate] = {}
        for candidate in self.formulas:
            known = listed.get(candidate.name, candidate)
            listed[candidate.name] = replace(known, starts={**known.starts, **candidate.starts})
        for candidate in enumerated(self.products, conditions):
            twin = listed.pop(candidate.name, candidate) if listed else candidate
            yield replace(candidate, starts=twin.starts)
        yield from listed.values()

    def numbers(self) -> Counter[str]:
        """Return how many compositions of each type there are."""
        if self.formulas:
            return Counter(candidate.type for candidate in self.stream())
        numbers: Counter[str] = Counter()
        for name, _, products in self.products:
            numbers[name] += len(products)
        return +numbers

    @field_validator("rank_by")
    @classmethod
    def _is_known_by_then(cls, value: str, info: ValidationInfo) -> str:
        """Check that the last stage or an earlier one gives the column; choose one by default."""
        reached = STAGES[: STAGES.index(info.data.get("stop_after", STAGES[-1])) + 1]
        columns = [column for stage in reached for column in COLUMNS.get(stage, {})]
        if not columns:
            return value
        if not value:
            return DEFAULT_RANKING if DEFAULT_RANKING[1:] in columns else "tau"
        if value.removeprefix("-") not in columns:
            raise refused(unknown_name("column", value.removeprefix("-"), columns))
        return value

    @model_validator(mode="after")
    def _can_be_carried_out(self) -> Plan:
        for stage in self.filters:
            if STAGES.index(stage) > STAGES.index(self.stop_after):
                raise refused(
                    f"filters.{stage} follows a stage after the last one, {self.stop_after!r}; "
                    "remove it or go further",
                    "filters",
                    stage,
                )
        if self.barriers.model_fields_set and self.stop_after != "barrier":
            raise refused(
                f"[barriers] needs a later last stage than {self.stop_after!r}; remove it or set "
                'stop_after = "barrier"',
                "barriers",
            )
        made = {name for name, _, products in self.products if len(products)}
        made |= {candidate.type for candidate in self.formulas}
        if not (made or self.ions):
            raise refused("ions is missing, and so is formulas; name some compositions")
        for place, name in enumerate(self.types if self.ions else ()):
            if name not in made:
                charges = " and ".join(f"{charge}+" for charge in TYPES[name].b_charges)
                raise refused(
                    f"{name} has no neutral composition of these ions; it needs B ions of charge "
                    f"{charges} beside monovalent A and X",
                    "types",
                    place,
                )
        return self


def shipped_plans() -> list[str]:
    """Return the names of the plans that come with pvkdb."""
    return sorted(entry.name.removesuffix(".toml") for entry in _SHIPPED.iterdir())


def read_plan(name: str) -> Plan:
    """Return the plan in a file, or a shipped one by its name.

    Raises:
        PlanError: the file cannot be read, or the plan cannot be carried out.
    """
    known = shipped_plans()
    if name in known:
        return parse_plan((_SHIPPED / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")
    path = Path(name)
    hint = f"; shipped plans: {', '.join(known)}"
    return parse_plan(read_text(path, name, PlanError, hint), path.name, path.parent)


def parse_plan(text: str, file: str = "plan.toml", folder: Path = Path()) -> Plan:
    """Return the plan that a TOML text describes; names of files are relative to ``folder``.

    Raises:
        PlanError: the text is not TOML, or the plan cannot be carried out; names the line.
    """
    plan = read_toml(Plan, text, file, PlanError, context={"folder": folder})
    lines = "\n".join(text.splitlines()) + "\n"
    if plan.formulas:  # what their files contain is part of the plan
        content = hashlib.sha256(repr(plan.formulas).encode()).hexdigest()[:12]
        read = ", ".join(candidate.composition.formula for candidate in plan.formulas)
        lines += f"# formulas, {content}: {read}\n"
    return plan.model_copy(update={"title": plan.title or file, "text": lines})
