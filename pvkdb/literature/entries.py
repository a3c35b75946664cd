"""Rows of references and energetics read from the text cells of records.

Each table accepts two kinds of columns: those of its export, in their units, so that an exported
table can be edited and imported; and short columns whose cells contain a unit
(``value`` = ``25 kJ/mol``, ``retention`` = ``3 months``), for typing from a paper.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeVar, cast

from pvkdb.chemistry import Composition, Defect
from pvkdb.chemistry.formulas.composition import material_family, parse_material
from pvkdb.chemistry.ions import elements, names
from pvkdb.chemistry.quantities import Interval
from pvkdb.errors import InputError, unknown_name
from pvkdb.literature.cells import Cells
from pvkdb.schemas.imports import ImportedTable
from pvkdb.schemas.metrics import FIGURES, TABLE_METRICS, table_columns
from pvkdb.schemas.tables import EnergeticsRow, ReferencesRow, Row
from pvkdb.schemas.tables.devices import CONDITIONS
from pvkdb.store.models.references import seen_doi

RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True)
class ImportTable:
    """A table of an import, with its columns in the order of the template."""

    name: ImportedTable
    order: tuple[str, ...]
    #: Columns of the export derived from others; accepted so that an export can be imported.
    derived: frozenset[str] = frozenset()
    #: Columns that may be lists in YAML, with the separator in a cell.
    lists: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Every accepted column."""
        return frozenset(self.order) | self.derived


MAX_PRINTED = 200  #: Characters of a shipped ``as_printed``; an import with more has a doubt.
_REFERENCES = "key number authors title journal year volume pages doi"
_ENERGETICS = (
    "id material phase direction defect species charge quantity scope value value_min_ev "
    "value_max_ev bound approximate method functional soc conditions references source "
    "as_printed erratum supersedes"
)
_CONDITIONS = dict.fromkeys(
    name for short, column in CONDITIONS.items() for name in (short, column.name)
)
_DEVICES = (
    "id group structure layers absorber material form configuration mechanism volatility "
    f"text_source {' '.join(table_columns(imported=True))} {' '.join(FIGURES)} "
    f"{' '.join(_CONDITIONS)} conditions_source references source as_printed erratum supersedes "
    "raw_files quality"
)
TABLES: dict[str, ImportTable] = {
    "references": ImportTable(
        "references",
        tuple(_REFERENCES.split()),
        derived=frozenset({"doi_seen", "doi_seen_at"}),
        lists={"authors": "; "},
    ),
    "energetics": ImportTable(
        "energetics",
        tuple(_ENERGETICS.split()),
        derived=frozenset({"family", "review"}),
        lists={"references": " "},
    ),
    "devices": ImportTable(
        "devices",
        tuple(_DEVICES.split()),
        derived=frozenset({"bottom_electrode", "top_electrode", "other_layers", "review"}),
        lists={"references": " ", "layers": " | ", "raw_files": " | "},
    ),
}

#: Columns of a device that are filled from the sign of a value, or by hand.
_QUALIFIERS = {table.qualifier for _, table in TABLE_METRICS.values() if table.qualifier}
#: Bounds of possible energies of a crystal, eV.
_ENERGIES_EV = {"E_A": (0.0, 5.0), "DFE": (-10.0, 15.0)}


def reference_row(cells: Cells) -> ReferencesRow:
    """Return a bibliography entry; ``key`` is '' if it must be made from author and year."""
    doi = cells.parsed("doi", normal_doi)
    seen, seen_at = seen_doi(cells.text("key") or "", doi)
    if seen_at is None:  # else it is known by the page on which it was read
        cells.required("title", "the title of the paper")
    year = cells.whole("year")
    if year is None and "year" not in cells and "key" not in cells:
        cells.complain("year", "is empty; give the year, e.g. 2026, or a key")
    if cells.text("key") is None and cells.text("authors") is None:
        cells.complain("authors", "is empty; give authors or a key, e.g. 'A. Zhang; B. Li'")
    return build_row(
        ReferencesRow,
        cells,
        key=cells.name("key"),
        number=cells.whole("number"),
        year=year,
        doi=doi,
        doi_seen=seen,
        doi_seen_at=seen_at,
    )


def energetics_row(cells: Cells, references: str) -> EnergeticsRow:
    """Return the row of an energy; ``references`` are the keys of its publications."""
    cells.required("source", "'Fig. 3b' or 'Table 2'")
    composition, phase = material_in(cells, "material", "CsPbBr3")
    cells.required("defect", "V_Br")
    defect = cells.parsed("defect", Defect.parse)
    species = cells.text("species") or (defect.species if defect else "")
    charge = cells.charge("charge")
    if defect is not None:
        _check_species(cells, defect, species, composition)
        ions = [occupant.ion for occupant in composition.occupants] if composition else []
        possible = defect.charges({ion.symbol: ion.charge for ion in ions})
        if charge is not None and possible is not None and charge not in possible:
            cells.complain(
                "charge",
                f"is not possible for {defect.label}: {possible[0]:+d} to {possible[-1]:+d}",
            )
    quantity = cells.choice("quantity", ("E_A", "DFE"))
    cells.required("quantity", "E_A or DFE")
    cells.required("method", "DFT, experiment, MLIP, mixed or unknown")
    value = _energy(cells)
    if quantity is not None and value is not None:
        low, high = _ENERGIES_EV[quantity]
        column = "value" if "value" in cells else "value_min_ev"
        for bound in (value.minimum, value.maximum):
            if bound is not None and not (low < bound < high):
                cells.complain(
                    column,
                    f"{bound:g} eV is not a possible {quantity} ({low:g} to {high:g} eV); "
                    "check the sign and the unit",
                )
                break
    return build_row(
        EnergeticsRow,
        cells,
        id=cells.name("id"),
        material=composition.formula if composition else "",
        family=material_family(composition, phase)[0] if composition else "",
        phase=phase,
        species=species,
        charge=charge,
        quantity=quantity or "E_A",
        scope=cells.choice("scope", ("reported", "hop", "percolation")) or "reported",
        value_min_ev=value.minimum if value else None,
        value_max_ev=value.maximum if value else None,
        bound=value.bound if value else None,
        approximate=bool(value and value.approximate),
        method=cells.choice("method", ("DFT", "experiment", "MLIP", "mixed", "unknown")),
        soc=cells.truth("soc"),
        references=references,
        as_printed=cells.text("as_printed") or cells.text("value"),
    )


def same_authors(one: str | None, other: str | None) -> bool:
    """Return whether two lists of authors, where both are known, may begin with the same one."""

    def first(authors: str) -> set[str]:
        return {name for name in re.findall(r"\w+", plain(authors.split(";")[0])) if len(name) > 1}

    names = first(one or ""), first(other or "")
    return not all(names) or not names[0].isdisjoint(names[1])


def plain(text: str) -> str:
    """Return a text in lower case without accents: ``muller`` for ``Müller``."""
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in split if not unicodedata.combining(sign))


def normal_doi(text: str) -> str:
    """Return a DOI without its resolver, in lower case.

    Raises:
        InputError: the text is not a DOI.

    Example:
        >>> normal_doi("https://doi.org/10.1039/D5CS01222H")
        '10.1039/d5cs01222h'
    """
    doi = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", text.strip(), flags=re.I).lower()
    if not re.fullmatch(r"10\.\d{4,9}/\S+", doi):
        raise InputError("is not a DOI; write 10.1039/d5cs01222h")
    return doi


def build_row(kind: type[RowT], cells: Cells, **known: Any) -> RowT:
    """Return a row made from ``known`` values and, for all other columns, the text of the cells.

    It is not validated if there are problems, whose messages are clearer than those of pydantic.
    """
    vocabularies = _vocabularies(kind)
    texts = {
        name: cells.choice(name, vocabularies[name]) if name in vocabularies else cells.text(name)
        for name in kind.model_fields
        if name not in known
    }
    for name in vocabularies.keys() & known.keys() & _QUALIFIERS:
        if known[name] is not None and known[name] not in vocabularies[name]:
            cells.complain(name, unknown_name(name, str(known[name]), vocabularies[name]))
    values: dict[str, Any] = {**texts, **known}
    complained = {problem.column for problem in cells.problems}
    for name, column in kind.dictionary().items():
        value = values[name]
        given = isinstance(value, int | float) and name in cells and name not in complained
        if given and (reason := column.impossible(value)):
            cells.complain(name, reason)
    if len(cells.text("as_printed") or "") > MAX_PRINTED and "raw_files" not in cells:
        cells.doubt("as_printed", f"has over {MAX_PRINTED} characters; keep the number's words")
    if cells.problems:
        return cast("RowT", kind.model_construct(**values))
    return kind.model_validate(values)


@cache
def _vocabularies(kind: type[Row]) -> dict[str, tuple[str, ...]]:
    """Return the vocabularies of the text columns of a table, from its data dictionary."""
    return {
        name: tuple(entry.values)
        for name, entry in kind.dictionary().items()
        if entry.values and entry.type == "string"
    }


def material_in(cells: Cells, column: str, example: str) -> tuple[Composition | None, str | None]:
    """Return the composition in a cell, and the phase: in front of the formula or in ``phase``."""
    cells.required(column, example)
    phase = cells.text("phase")
    if phase and len(phase) > 40:  # as in requests; a longer one would have no address
        cells.complain("phase", "has more than 40 characters; name the space group")
    found = cells.parsed(column, parse_material)
    if found is None:
        return None, phase
    composition, prefix = found
    if prefix is not None and phase not in (None, prefix):
        cells.complain("phase", f"contradicts the {prefix!r} in front of the formula; keep one")
    return composition, phase or prefix


def _check_species(
    cells: Cells, defect: Defect, species: str, composition: Composition | None
) -> None:
    """Check that the species belongs to the defect and occurs in the composition."""
    if species != defect.species:
        cells.complain("species", f"is not {defect.species}, the species of {defect.label}")
    if defect.kind == "salt":
        for part in defect.parts:
            _check_species(cells, part, part.species, composition)
        return
    generic = {"X", "A", "B", "ion"}
    known = species in generic or species in names() or species in elements()
    if not known:
        meant = species.removeprefix("V")
        hint = f"; write V_{meant}" if meant in elements() else ""
        cells.complain("defect", f"{species!r} is not a known ion{hint}")
        return
    if composition is None or species in generic or defect.kind != "vacancy":
        return
    symbols = names().get(species, (species,))
    there = {occupant.ion.symbol for occupant in composition.occupants}
    if not there & set(symbols) and not any(o.ion.generic for o in composition.occupants):
        cells.complain("defect", f"{defect.label}: {composition.formula} contains no {species}")


def _energy(cells: Cells) -> Interval | None:
    given = [name for name in ("value_min_ev", "value_max_ev") if name in cells]
    if "value" in cells:
        for name in (*given, "bound", "approximate"):
            if name in cells:
                cells.complain(name, "is already part of 'value'; leave it out")
        return cells.interval("value", "eV")
    if not given:
        cells.required("value", "0.35 eV, ~25 kJ/mol or 0.2–0.3 eV")
        return None
    low, high = cells.number("value_min_ev"), cells.number("value_max_ev")
    bound = cells.choice("bound", ("lower", "upper"))
    open_end = {(True, False): "upper", (False, True): "lower"}.get((low is None, high is None))
    if open_end != bound and not cells.problems:
        cells.complain(
            "bound" if "bound" in cells else given[0],
            "does not fit the values: write value_min_ev with bound = lower, value_max_ev with "
            "bound = upper, or both values and no bound",
        )
    try:
        return Interval(low, high, bound, cells.truth("approximate") or False)  # type: ignore[arg-type]
    except InputError as error:
        cells.complain(given[0], str(error))
        return None
