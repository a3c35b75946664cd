"""What a record states: its text cells become a row of the table that the store exports.

Each table takes two kinds of columns: those of its export, in their units, so that an exported
table can be edited and imported; and short ones whose cells carry a unit of their own
(``value`` = ``25 kJ/mol``, ``retention`` = ``3 months``), for those who type from a paper.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

from pvkdb.chemistry import Composition, Defect
from pvkdb.chemistry.composition import material_family, parse_material
from pvkdb.chemistry.quantities import Interval
from pvkdb.errors import InputError
from pvkdb.literature.cells import Cells
from pvkdb.schemas.imports import ImportedTable
from pvkdb.schemas.tables import DevicesRow, EnergeticsRow, ReferencesRow, Row
from pvkdb.store.stacks import join_layers, layer_columns, split_layers, split_structure

RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True)
class Table:
    """A table that papers add to, with its columns in the order of the template."""

    name: ImportedTable
    order: tuple[str, ...]
    #: Columns of the export that are worked out from others; taken so that an export goes in.
    derived: frozenset[str] = frozenset()
    #: Columns that YAML may give as a list, and what joins them in a cell.
    lists: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Every column that is understood."""
        return frozenset(self.order) | self.derived


_REFERENCES = "key number authors title journal year volume pages doi"
_ENERGETICS = (
    "id material phase direction defect species charge quantity scope value value_min_ev "
    "value_max_ev bound approximate method functional soc conditions references source "
    "as_printed erratum supersedes"
)
_DEVICES = (
    "id group structure layers absorber material form configuration mechanism volatility "
    "text_source on_off_ratio on_off_qualifier v_set v_set_min_v v_set_max_v v_reset "
    "v_reset_min_v v_reset_max_v v_qualifier endurance endurance_cycles retention retention_s "
    "retention_qualifier stability stability_days stability_qualifier references source "
    "as_printed erratum supersedes"
)
TABLES: dict[str, Table] = {
    "references": Table(
        "references",
        tuple(_REFERENCES.split()),
        lists={"authors": "; "},
    ),
    "energetics": Table(
        "energetics",
        tuple(_ENERGETICS.split()),
        derived=frozenset({"family"}),
        lists={"references": " "},
    ),
    "devices": Table(
        "devices",
        tuple(_DEVICES.split()),
        derived=frozenset({"bottom_electrode", "top_electrode", "other_layers"}),
        lists={"references": " ", "layers": " | "},
    ),
}

#: A device's metrics: short column, unit, the row's minimum, maximum and qualifier, and the
#: physical bounds. On/off ratios below 1 are read the wrong way round, or flagged.
_METRICS = (
    ("on_off_ratio", "1", "on_off_ratio", None, "on_off_qualifier", (1.0, 1e15)),
    ("v_set", "V", "v_set_min_v", "v_set_max_v", "v_qualifier", (-100.0, 100.0)),
    ("v_reset", "V", "v_reset_min_v", "v_reset_max_v", "v_qualifier", (-100.0, 100.0)),
    ("endurance", "cycles", "endurance_cycles", None, None, (1.0, 1e15)),
    ("retention", "s", "retention_s", None, "retention_qualifier", (1e-9, 1e10)),
    ("stability", "d", "stability_days", None, "stability_qualifier", (1e-3, 1e5)),
)
#: Bounds of energies in eV that can be true of a crystal.
_ENERGIES_EV = {"E_A": (0.0, 5.0), "DFE": (-10.0, 15.0)}

#: Material of a device whose composition cannot be told; otherwise it is read off the absorber.
UNKNOWN = "unknown"

#: First layers that are no electrode.
_SUBSTRATES = frozenset(
    {"glass", "quartz", "PET", "PEN", "PDMS", "polyimide", "mica", "sapphire", "paper"}
)


def reference_row(cells: Cells) -> ReferencesRow:
    """A bibliography entry; ``key`` is '' where it is to be made from author and year."""
    cells.required("title", "the title of the paper")
    year = cells.whole("year")
    if year is None and "year" not in cells:
        cells.required("year", "2026")
    elif year is not None and not 1800 <= year <= 2100:
        cells.complain("year", "is no year of a publication")
    if cells.text("key") is None and cells.text("authors") is None:
        cells.complain("authors", "is empty; give authors or a key, e.g. 'A. Zhang; B. Li'")
    key = cells.text("key") or ""
    if key and not re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]{0,39}", key):
        cells.complain("key", "is no key; begin with a letter, then letters, digits, . _ -")
    return _row(
        ReferencesRow,
        cells,
        key=key,
        number=cells.whole("number"),
        year=year,
        doi=cells.parsed("doi", normal_doi),
    )


def energetics_row(cells: Cells, references: str) -> EnergeticsRow:
    """A statement on an energy; ``references`` are the keys of the row's publications."""
    cells.required("source", "'Fig. 3b' or 'Table 2'")
    composition, phase = _material(cells, "material", "CsPbBr3")
    cells.required("defect", "V_Br")
    defect = cells.parsed("defect", Defect.parse)
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
                    f"{bound:g} eV is no possible {quantity} (between {low:g} and {high:g} eV); "
                    "check the sign and the unit",
                )
                break
    return _row(
        EnergeticsRow,
        cells,
        id=cells.text("id") or "",
        material=composition.formula if composition else "",
        family=material_family(composition, phase)[0] if composition else "",
        phase=phase,
        species=cells.text("species") or (defect.species if defect else ""),
        charge=cells.charge("charge"),
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


def devices_row(cells: Cells, references: str) -> DevicesRow:
    """A device; ``references`` are the keys of its publications."""
    cells.required("source", "'Fig. 3b' or 'Table 2'")
    cells.required("absorber", "CsPbBr3")
    stack = _stack(cells)
    columns = _metric_columns(cells)
    composition = None
    if "material" in cells:
        if cells.text("material") != UNKNOWN:
            composition, _ = _material(cells, "material", f"CsPbBr3, or {UNKNOWN}")
    elif "absorber" in cells:
        composition, _ = _material(cells, "absorber", "CsPbBr3")
    if not any(columns.get(spec[2]) is not None for spec in _METRICS):
        cells.complain("structure", "the row reports no figure of the device")
    row = _row(
        DevicesRow,
        cells,
        id=cells.text("id") or "",
        group=cells.text("group") or "imported",
        structure=cells.text("structure") or "/".join(material for _, material in stack),
        layers=join_layers(stack) or None,
        material=composition.formula if composition else None,
        references=references,
        as_printed=cells.text("as_printed") or _original(cells),
        **columns,
        **layer_columns(stack),
    )
    _doubt_signs(cells, row)
    return row


def normal_doi(text: str) -> str:
    """A DOI without its resolver, in lower case.

    Raises:
        InputError: it is none.

    Example:
        >>> normal_doi("https://doi.org/10.1039/D5CS01222H")
        '10.1039/d5cs01222h'
    """
    doi = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", text.strip(), flags=re.I).lower()
    if not re.fullmatch(r"10\.\d{4,9}/\S+", doi):
        raise InputError("is no DOI; write 10.1039/d5cs01222h")
    return doi


def _row(kind: type[RowT], cells: Cells, **known: Any) -> RowT:
    """The row: what is known, and the text of every other column that the record has.

    Nothing is validated while problems are open: they say more than pydantic could.
    """
    texts = {name: cells.text(name) for name in kind.model_fields if name not in known}
    values: dict[str, Any] = {**texts, **known}
    if cells.problems:
        return cast("RowT", kind.model_construct(**values))
    return kind.model_validate(values)


def _material(cells: Cells, column: str, example: str) -> tuple[Composition | None, str | None]:
    """The composition in a cell, and the phase: written in front of it or in a cell of its own."""
    cells.required(column, example)
    phase = cells.text("phase")
    found = cells.parsed(column, parse_material)
    if found is None:
        return None, phase
    composition, prefix = found
    if prefix is not None and phase not in (None, prefix):
        cells.complain("phase", f"contradicts the {prefix!r} in front of the formula; keep one")
    return composition, phase or prefix


def _energy(cells: Cells) -> Interval | None:
    given = [name for name in ("value_min_ev", "value_max_ev") if name in cells]
    if "value" in cells:
        for name in given:
            cells.complain(name, "stands beside 'value'; fill in one of the two")
        return cells.interval("value", "eV")
    if not given:
        cells.required("value", "0.35 eV, ~25 kJ/mol or 0.2–0.3 eV")
        return None
    low, high = cells.number("value_min_ev"), cells.number("value_max_ev")
    bound = cells.choice("bound", ("lower", "upper"))
    try:
        return Interval(low, high, bound, cells.truth("approximate") or False)  # type: ignore[arg-type]
    except InputError as error:
        cells.complain(given[0], str(error))
        return None


def _stack(cells: Cells) -> list[tuple[str, str]]:
    """The layers, as given or, for a plain stack, as the structure says."""
    if "layers" in cells:
        layers = cells.parsed("layers", split_layers) or []
        if layers and not any(role == "absorber" for role, _ in layers):
            cells.complain("layers", "name no absorber; write absorber=CsPbBr3 in its place")
        return layers
    cells.required("structure", "ITO/CsPbBr3/Ag, from the bottom to the top")
    materials = split_structure(cells.text("structure") or "")
    absorber = cells.text("absorber")
    if not materials or absorber is None:
        return []
    if absorber not in materials[1:-1]:
        cells.complain(
            "absorber",
            f"is no inner layer of the structure {cells.text('structure')!r}; write it as there, "
            "or give the column 'layers'",
        )
        return []
    front = 1 if materials[0] in _SUBSTRATES and materials.index(absorber) > 1 else 0
    roles = ["interlayer"] * len(materials)  # what such a layer is for, the structure does not say
    roles[0] = "substrate"
    roles[front], roles[-1] = "bottom_electrode", "top_electrode"
    roles[materials.index(absorber)] = "absorber"
    return list(zip(roles, materials, strict=True))


def _metric_columns(cells: Cells) -> dict[str, Any]:
    """The metric columns of a device's row."""
    columns: dict[str, Any] = {}
    for short, unit, low, high, qualifier, bounds in _METRICS:
        given = [name for name in (low, high) if name and name in cells and name != short]
        if short in cells:
            for name in given:
                cells.complain(name, f"stands beside {short!r}; fill in one of the two")
            found = cells.interval(short, unit)
            values = _of_interval(cells, short, found, high)
            mark = {"lower": ">"}.get(found.bound or "", "~") if found else None
            mark = mark if found and (found.bound or found.approximate) else None
            _note_qualifier(cells, columns, short, qualifier, mark)
        else:
            values = [cells.number(name) if name in cells else None for name in (low, high) if name]
        if qualifier and qualifier in cells:
            columns[qualifier] = cells.text(qualifier)
        _check_bounds(cells, short if short in cells else low, values, bounds)
        columns.update(zip([name for name in (low, high) if name], values, strict=True))
    for low, high in (("v_set_min_v", "v_set_max_v"), ("v_reset_min_v", "v_reset_max_v")):
        ends = columns[low], columns[high]
        if None not in ends and ends[0] > ends[1]:
            cells.complain(low, f"the minimum {ends[0]:g} V is above the maximum {ends[1]:g} V")
    return columns


def _of_interval(
    cells: Cells, column: str, found: Interval | None, high: str | None
) -> list[float | None]:
    """Values of a short column for the row's minimum and, where it has one, maximum."""
    if found is None:
        return [None] if high is None else [None, None]
    if found.bound == "upper":
        cells.complain(column, "is an upper bound; a device's figure is what was shown")
    value = found.maximum if found.minimum is None else found.minimum
    top = value if found.maximum is None else found.maximum
    if high is None:
        if value != top:
            cells.complain(column, "takes one value; write the smaller one with '>'")
        return [value]
    return [value, top]


def _note_qualifier(
    cells: Cells, columns: dict[str, Any], short: str, qualifier: str | None, mark: str | None
) -> None:
    if mark is None:
        return
    if qualifier is None:
        if mark != ">":  # what was tested is a lower bound anyway
            cells.complain(short, "takes no '~'; write the number of cycles that was tested")
        return
    columns[qualifier] = mark


def _check_bounds(
    cells: Cells, column: str, values: list[float | None], bounds: tuple[float, float]
) -> None:
    low, high = bounds
    for value in values:
        if value is None or low <= value <= high:
            continue
        if column == "on_off_ratio" and value > 0 and cells.text("erratum"):
            continue
        remedy = "check the unit"
        if column == "on_off_ratio":
            remedy = "write on over off; if the paper prints this, say so in 'erratum'"
        cells.complain(column, f"{value:g} is outside {low:g} to {high:g}; {remedy}")
        return


def _doubt_signs(cells: Cells, row: DevicesRow) -> None:
    """Most memristors here are bipolar: SET and RESET at opposite polarity."""
    if cells.problems or row.v_set_min_v is None or row.v_reset_min_v is None:
        return
    if row.v_set_min_v * row.v_reset_min_v > 0:
        cells.doubt(
            "v_reset" if "v_reset" in cells else "v_reset_min_v",
            "has the sign of the SET voltage; is the device unipolar?",
        )


def _original(cells: Cells) -> str | None:
    """The figures as they were typed, where their unit is not the table's."""
    short = [spec[0] for spec in _METRICS if spec[0] in cells]
    return "; ".join(f"{name} {cells.text(name)}" for name in short) or None


def row_of(table: ImportedTable, cells: Cells, references: str = "") -> Row:
    """The row that a record's cells state; look at ``cells.problems`` before using it."""
    if table == "references":
        return reference_row(cells)
    return (energetics_row if table == "energetics" else devices_row)(cells, references)
