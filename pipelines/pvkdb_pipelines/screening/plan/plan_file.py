"""Plan files: TOML, checked in full before anything runs; a problem names the line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn, get_args

from pvkdb.chemistry.composition import Site
from pvkdb.chemistry.ions import (
    HALIDES,
    NON_METALS,
    Ion,
    cation_charges,
    common_charges,
    molecular_ions,
)
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.calculations import PotentialName
from pvkdb_pipelines.prototypes import (
    STOICHIOMETRIES,
    PrototypeInfo,
    Stoichiometry,
    phases,
    prototype,
)
from pvkdb_pipelines.prototypes.catalogue import PEROVSKITE_PHASES
from pvkdb_pipelines.screening.plan.conditions import Condition
from pvkdb_pipelines.screening.plan.enumeration import TYPES, Mixing
from pvkdb_pipelines.screening.plan.plan import (
    COLUMNS,
    DEFAULT_RANKING,
    STAGES,
    Barriers,
    Plan,
    PlanError,
)

#: Smaller shares of an ion are dopants, which no stage of a screening describes.
_LEAST_SHARE = 0.001
_SITES: tuple[Site, ...] = get_args(Site)
_ION = re.compile(r"(?P<symbol>[A-Za-z][\w-]*?)(?:(?P<size>\d)?(?P<sign>[+-]))?")


def shipped_plans() -> list[str]:
    """Names of the plans that come with pvkdb."""
    folder = resources.files("pvkdb_pipelines.screening") / "plans"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir())


def read_plan(name: str) -> Plan:
    """The plan in a file, or a shipped one by its name.

    Raises:
        PlanError: the file cannot be read, or something in it cannot be carried out.
    """
    if name in shipped_plans():
        folder = resources.files("pvkdb_pipelines.screening") / "plans"
        return parse_plan((folder / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(shipped_plans())
        reason = error.strerror or str(error)
        raise PlanError(f"{name} cannot be read: {reason}; shipped plans: {known}") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{name} is not UTF-8 text") from error
    return parse_plan(text, path.name)


def parse_plan(text: str, file: str = "plan.toml") -> Plan:
    """The plan that a TOML text states.

    Raises:
        PlanError: as of :func:`read_plan`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        end = f"line {len(text.splitlines())}, where the file ends"
        said = str(error).replace("at end of document", end)
        raise PlanError(f"{file} is not TOML: {said}") from error
    return _Reader(text, file, document).plan()


class _Reader:
    """Checks one document; every refusal names the line."""

    def __init__(self, text: str, file: str, document: dict[str, Any]) -> None:
        self._lines = text.splitlines()
        self._file = file
        self._document = document

    def plan(self) -> Plan:
        known = (
            *("title", "types", "potential", "stop_after", "rank_by"),
            *("ions", "mixing", "phases", "filters", "barriers"),
        )
        self._only(self._document, known, "")
        types = self._names("types", "type", TYPES, list(TYPES))
        stop_after = self._choice("stop_after", STAGES, "stability")
        plan = Plan(
            title=str(self._document.get("title", self._file)),
            types=tuple(types),
            ions=self._ions(),
            mixing=tuple(self._mixing()),
            phases=self._phases(),
            filters=self._filters(),
            potential=PotentialName(
                self._choice("potential", [entry.value for entry in PotentialName], "chgnet")
            ),
            stop_after=stop_after,
            rank_by=self._ranking(stop_after),
            text="\n".join(self._lines) + "\n",
            barriers=self._barriers(stop_after),
        )
        for stage in plan.filters:
            if STAGES.index(stage) > STAGES.index(plan.stop_after):
                self._refuse(
                    f"[filters] {stage} comes behind the last stage, {plan.stop_after!r}; "
                    "leave it out or go further",
                    stage,
                )
        made = {candidate.type for candidate in plan.candidates()}
        for name in plan.types:
            if name not in made:
                charges = " and ".join(f"{charge}+" for charge in TYPES[name].b_charges)
                self._refuse(
                    f"{name} has no neutral composition of these ions; it needs B ions of charge "
                    f"{charges} beside monovalent A and X",
                    name,
                )
        return plan

    def _ions(self) -> dict[Site, tuple[Ion, ...]]:
        table = self._document.get("ions")
        if not isinstance(table, dict):
            self._refuse("[ions] is missing; give lists A, B and X", "ions")
        self._only(table, _SITES, "ions")
        ions: dict[Site, tuple[Ion, ...]] = {}
        for site in _SITES:
            names = table.get(site)
            if not isinstance(names, list) or not names:
                self._refuse(f"[ions] {site} must be a list of ions, e.g. {_EXAMPLES[site]}", site)
            found = [ion for name in names for ion in self._ion(site, name)]
            ions[site] = tuple(dict.fromkeys(found))
        return ions

    def _ion(self, site: Site, written: object) -> Iterable[Ion]:
        """The ion that a name means: with its charge, or with each of its common charges."""
        name = str(written)
        match = _ION.fullmatch(name) if isinstance(written, str) else None
        if match is None:
            self._refuse(
                f"[ions] {site}: {written!r} is not an ion; write for example {_EXAMPLES[site]}",
                name,
            )
        symbol = match["symbol"]
        charge = None
        if match["sign"]:
            charge = int(f"{match['sign']}{match['size'] or 1}")
        if symbol in HALIDES or symbol in molecular_ions():
            ion = Ion(symbol, -1)
            if symbol not in HALIDES:
                ion = molecular_ions()[symbol].ion
            possible = [ion.charge]
        else:
            possible = [] if symbol in NON_METALS else sorted(cation_charges(symbol))
            ion = Ion(symbol, 1)
        if not possible:
            self._refuse(
                f"[ions] {site}: {symbol!r} is no ion that pvkdb knows (see: pvkdb export ions)",
                name,
            )
        if (possible[0] > 0) == (site == "X"):
            self._refuse(
                f"[ions] {site}: {name!r} cannot stand on the {site} site: wrong sign of charge",
                name,
            )
        if charge is not None and charge not in possible:
            choices = ", ".join(f"{symbol}{abs(value)}{'+-'[value < 0]}" for value in possible)
            self._refuse(
                f"[ions] {site}: {name!r} has no such charge in Shannon's table; known: {choices}",
                name,
            )
        if ion.molecular or symbol in HALIDES:
            return [ion]
        wanted = [charge] if charge else sorted(common_charges(symbol) & set(possible)) or possible
        return [Ion(symbol, value) for value in wanted]

    def _mixing(self) -> Iterable[Mixing]:
        table = self._document.get("mixing", {})
        self._only(table, _SITES, "mixing")
        for site, shares in table.items():
            for share in shares if isinstance(shares, list) else [shares]:
                number = isinstance(share, int | float) and not isinstance(share, bool)
                if not number or not _LEAST_SHARE <= share <= 1 - _LEAST_SHARE:
                    self._refuse(
                        f"[mixing] {site}: {share!r} is no share between 0 and 1, at least "
                        f"{_LEAST_SHARE} from either",
                        site,
                    )
                yield Mixing(site, Fraction(str(share)))

    def _phases(self) -> dict[Stoichiometry, tuple[PrototypeInfo, ...]]:
        table = self._document.get("phases", {})
        self._only(table, STOICHIOMETRIES, "phases")
        chosen: dict[Stoichiometry, tuple[PrototypeInfo, ...]] = {}
        for name, wanted in table.items():
            if not isinstance(wanted, list) or not wanted:
                known = ", ".join(info.phase for info in phases(name))
                self._refuse(f"[phases] {name} must be a list of some of {known}", name)
            found = []
            for phase in wanted:
                try:
                    found.append(prototype(name, str(phase)))
                except InputError as error:
                    self._refuse(f"[phases] {error}", str(phase))
            chosen[name] = tuple(dict.fromkeys(found))
            own = PEROVSKITE_PHASES.get(name, frozenset())
            if own and not own & {info.phase for info in found}:
                some = ", ".join(sorted(own))
                self._refuse(f"[phases] {name} needs one of its own phases, {some}", name)
        return chosen

    def _filters(self) -> dict[str, tuple[Condition, ...]]:
        table = self._document.get("filters", {})
        self._only(table, COLUMNS, "filters")
        filters: dict[str, tuple[Condition, ...]] = {}
        for stage, conditions in table.items():
            texts = conditions if isinstance(conditions, list) else [conditions]
            found = []
            for text in texts:
                try:
                    found.append(Condition.parse(str(text), COLUMNS[stage]))
                except InputError as error:
                    self._refuse(f"[filters] {stage}: {error}", str(text))
            filters[stage] = tuple(found)
        return filters

    def _barriers(self, stop_after: str) -> Barriers:
        table = self._document.get("barriers", {})
        self._only(table, ("most", "potentials"), "barriers")
        if table and stop_after != "barrier":
            self._refuse(
                f"[barriers] comes behind the last stage, {stop_after!r}; leave it out or set "
                'stop_after = "barrier"',
                "barriers",
            )
        default = Barriers()
        most = table.get("most", default.most)
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            self._refuse(f"[barriers] most: {most!r} is no number of candidates from 1", "most")
        names = table.get("potentials", [entry.value for entry in default.potentials])
        known = [entry.value for entry in PotentialName]
        if not isinstance(names, list) or not names:
            self._refuse(
                f"[barriers] potentials: must be a list of some of {', '.join(known)}", "potentials"
            )
        for name in names:
            if name not in known:
                self._refuse(
                    f"[barriers] potentials: {unknown_name('potential', str(name), known)}",
                    str(name),
                )
        return Barriers(most, tuple(PotentialName(name) for name in dict.fromkeys(names)))

    def _ranking(self, stop_after: str) -> str:
        reached = STAGES[: STAGES.index(stop_after) + 1]
        columns = [column for stage in reached for column in COLUMNS.get(stage, {})]
        default = DEFAULT_RANKING if DEFAULT_RANKING[1:] in columns else "tau"
        value = str(self._document.get("rank_by", default if columns else ""))
        if columns and value.removeprefix("-") not in columns:
            self._refuse(unknown_name("column", value.removeprefix("-"), columns), "rank_by")
        return value

    def _names(self, key: str, what: str, known: Iterable[str], default: list[str]) -> list[str]:
        values = self._document.get(key, default)
        if not isinstance(values, list) or not values:
            self._refuse(f"{key} must be a list of some of {', '.join(known)}", key)
        for value in values:
            if value not in known:
                self._refuse(unknown_name(what, str(value), known), str(value))
        return list(dict.fromkeys(values))

    def _choice(self, key: str, known: Iterable[str], default: str) -> str:
        value = self._document.get(key, default)
        if value not in known:
            self._refuse(unknown_name(key, str(value), known), key)
        return str(value)

    def _only(self, table: Mapping[str, Any], known: Iterable[str], name: str) -> None:
        if not isinstance(table, Mapping):
            self._refuse(f"{name} must be a table: [{name}]", name)
        for key in table:
            if key not in known:
                where = f"[{name}] " if name else ""
                self._refuse(f"{where}{unknown_name('key', key, known)}", key)

    def _refuse(self, reason: str, word: str) -> NoReturn:
        """Raise, with the first line outside comments on which the word stands.

        A reason that begins with a table, or a table and a key, ``[ions] X: …``, looks for the
        word behind them.
        """
        pattern = re.compile(rf"(?<![\w']){re.escape(word)}(?![\w'])")
        place = re.match(r"(\[\w+\])(?: (\w+):)?", reason)
        starts = [name for name in (place.groups() if place else ()) if name]
        last = None
        for number, line in enumerate(self._lines, start=1):
            if starts and line.strip().startswith(starts[0]):
                starts, last = starts[1:], number
            if not starts and pattern.search(line.partition("#")[0]):
                raise PlanError(f"{self._file} line {number}: {reason}")
        where = f" line {last}" if last else ""
        raise PlanError(f"{self._file}{where}: {reason}")


_EXAMPLES: dict[Site, str] = {
    "A": '["Cs", "MA"]',
    "B": '["Pb", "Sn2+", "Bi"]',
    "X": '["I", "Br"]',
}
