"""Rows of devices and their figures read from records, and checks of their consistency."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.quantities import Interval
from pvkdb.errors import InputError
from pvkdb.literature.cells import Cells, stability_doubt
from pvkdb.literature.entries import build_row, material_in
from pvkdb.schemas.metrics import (
    CLAIM_UNITS,
    FIGURES,
    TABLE_METRICS,
    TableColumns,
    impossible,
    possible,
)
from pvkdb.schemas.tables import DeviceClaimsRow, DevicesRow
from pvkdb.schemas.tables.columns import Column
from pvkdb.schemas.tables.devices import CONDITIONS
from pvkdb.store.rows.stacks import Layer, join_layers, layer_columns, split_layers, split_structure

#: Material of a device with unknown composition; by default it is the absorber's.
UNKNOWN = "unknown"

#: Substrates, in lower case.
_SUBSTRATES = frozenset(
    {
        *("glass", "quartz", "sapphire", "mica", "si", "sio2", "sio2/si", "paper"),
        *("pet", "pen", "pdms", "pi", "polyimide", "kapton"),
    }
)
_IN_ORDER = ("substrate", "bottom_electrode", "absorber", "top_electrode")
#: What precedes a best value.
_BEST = "up to "
#: 10⁶ that has lost its superscript on the way from a PDF.
_LOST_SUPERSCRIPT = re.compile(r"10[2-9]|10[1-9]\d")


def devices_row(cells: Cells, references: str) -> DevicesRow:
    """Return the row of a device; ``references`` are the keys of its publications."""
    cells.required("source", "'Fig. 3b' or 'Table 2'")
    cells.required("absorber", "CsPbBr3")
    stack = _stack(cells)
    columns = {**_figures(cells), **_conditions(cells)}
    formula = _formula(cells)
    row = build_row(
        DevicesRow,
        cells,
        id=cells.name("id"),
        group=cells.text("group") or "imported",
        structure=cells.text("structure") or "/".join(material for _, material in stack),
        layers=join_layers(stack) or None,
        material=formula,
        references=references,
        as_printed=cells.text("as_printed") or _as_typed(cells),
        raw_files=cells.parsed("raw_files", _kept_files),
        **columns,
        **layer_columns(stack),
    )
    _doubt_signs(cells, row)
    if not cells.problems and row.stability_days is not None:
        column = "stability" if "stability" in cells else "stability_days"
        printed = cells.text(column) or ""
        if reason := stability_doubt(row.stability_days, printed, row.retention_s):
            cells.doubt(column, reason)
    return row


def raw_files(text: str) -> dict[str, str]:
    """Return the names of the raw files in a cell, with their folders, by SHA-256.

    Raises:
        InputError: the text has another form.
    """
    parts = [part.strip() for part in text.split("|")]
    if wrong := [part for part in parts if not re.fullmatch(r"[0-9a-f]{64} .+", part)]:
        raise InputError(f"{wrong[0][:80]!r} does not name a raw file; write SHA-256 and name")
    return {part[:64]: part[65:] for part in parts}


def _kept_files(text: str) -> str:
    return " | ".join(f"{key} {PurePath(name).name}" for key, name in raw_files(text).items())


def claims_row(cells: Cells) -> DeviceClaimsRow:
    """Return the row of a reported figure of a device."""
    cells.required("source", "'section 2.3' or 'Fig. 3b'")
    metric = cells.choice("metric", tuple(CLAIM_UNITS)) or ""
    unit = cells.text("unit") or ""
    if metric and unit != CLAIM_UNITS[metric]:
        cells.complain("unit", f"must be {CLAIM_UNITS[metric]}, the unit of {metric}")
    cells.required("value", "1e-7, in the unit of the metric")
    return build_row(
        DeviceClaimsRow,
        cells,
        id=cells.name("id"),
        metric=metric,
        value=cells.number("value"),
        value_max=cells.number("value_max"),
        unit=unit,
        references=cells.text("references") or "",
    )


def figures_row(cells: Cells, references: str) -> list[DeviceClaimsRow]:
    """Return the figures of a device that its table has no column for, without id and device."""
    found = []
    for name, metric in FIGURES.items():
        value = cells.interval(name, metric.unit)
        if value is None or metric.reported_as is None:
            continue
        ends = [end for end in (value.minimum, value.maximum) if end is not None]
        for end in ends:
            if not possible(metric, abs(end) if metric.magnitude else end):
                cells.complain(name, impossible(metric, end))
        sign = {"lower": ">", "upper": "<"}.get(value.bound or "", "~" if value.approximate else "")
        found.append(
            DeviceClaimsRow.model_construct(
                id="",
                device="",
                metric=metric.reported_as,
                value=ends[0],
                value_max=ends[-1] if ends[-1] != ends[0] else None,
                unit=CLAIM_UNITS[metric.reported_as],
                qualifier=sign or None,
                references=references,
                source=cells.text("source") or "",
                as_printed=cells.text(name),
                erratum=cells.text("erratum"),
            )
        )
    return found


def _formula(cells: Cells) -> str | None:
    """Return the canonical formula of the absorber."""
    if "material" not in cells:
        if "id" in cells and "layers" in cells:  # an exported row: empty is unknown
            try:
                parse_composition(cells.text("absorber") or "")
            except InputError:
                cells.doubt("absorber", "is not a formula, so the device gets no material")
                return None
        composition, _ = material_in(cells, "absorber", "CsPbBr3")
        return composition.formula if composition else None
    if cells.text("material") == UNKNOWN:
        return None
    composition, _ = material_in(cells, "material", f"CsPbBr3, or {UNKNOWN}")
    if composition is None:
        return None
    try:
        printed = parse_composition(cells.text("absorber") or "").formula
    except InputError:
        return composition.formula
    if printed != composition.formula and not cells.text("erratum"):
        cells.doubt("material", f"is another composition than the absorber, {printed}")
    return composition.formula


def _stack(cells: Cells) -> list[Layer]:
    """Return the layers in the column ``layers``, or those of a simple stack in ``structure``."""
    if "layers" in cells:
        return _given_layers(cells)
    cells.required("structure", "ITO/CsPbBr3/Ag, from the bottom to the top")
    materials = split_structure(cells.text("structure") or "")
    absorber = cells.text("absorber")
    if not materials or absorber is None:
        return []
    if absorber not in materials[1:-1]:
        cells.complain(
            "absorber",
            f"is not an inner layer of the structure {cells.text('structure')!r}; write it as "
            "there, or give the column 'layers'",
        )
        return []
    place = materials.index(absorber)
    grounds = [material.casefold() in _SUBSTRATES for material in materials]
    if grounds[-1] and not grounds[0]:
        cells.complain("structure", "ends with a substrate; write it from the bottom to the top")
        return []
    front = grounds.index(False)  # at most the place of the absorber
    if front >= place:
        cells.complain("structure", "has no electrode below the absorber; give the column 'layers'")
        return []
    roles = ["interlayer"] * len(
        materials
    )  # the structure does not show the purpose of other layers
    roles[:front] = ["substrate"] * front
    roles[front], roles[place], roles[-1] = "bottom_electrode", "absorber", "top_electrode"
    return list(zip(roles, materials, strict=True))


def _given_layers(cells: Cells) -> list[Layer]:
    layers = cells.parsed("layers", split_layers) or []
    if not layers:
        return []
    roles = [role for role, _ in layers]
    if roles.count("absorber") != 1:
        cells.complain("layers", "must name one absorber; write absorber=CsPbBr3 in its place")
    elif [role for role in _IN_ORDER if role in roles] != list(
        dict.fromkeys(role for role in roles if role in _IN_ORDER)
    ):
        cells.complain("layers", "are not in the order from the bottom to the top")
    materials = [material for _, material in layers]
    printed = split_structure(cells.text("structure") or "")
    if printed and sorted(printed) != sorted(materials):
        cells.doubt("layers", f"are not those of the structure {cells.text('structure')!r}")
    absorber = cells.text("absorber")
    if absorber and "absorber" in roles and absorber != materials[roles.index("absorber")]:
        cells.complain("layers", f"name another absorber than {absorber!r}")
    return layers


def _figures(cells: Cells) -> dict[str, Any]:
    """Return the metric columns of the row of a device."""
    columns: dict[str, Any] = {}
    for metric, table in TABLE_METRICS.values():
        short, column = table.imported_as, table.low
        if short in cells:
            column = short
            _refuse_both(cells, short, table.names)
            values = _measured(cells, metric.unit, table, columns)
        else:
            values = [cells.number(name) for name in table.names]
        if table.qualifier and table.qualifier in cells:
            columns[table.qualifier] = cells.text(table.qualifier)
        _check_bounds(cells, column, values, DevicesRow.dictionary()[table.low])
        columns.update(zip(table.names, values, strict=True))
    for low, high in (("v_set_min_v", "v_set_max_v"), ("v_reset_min_v", "v_reset_max_v")):
        first, last = columns[low], columns[high]
        if first is not None and last is not None and first > last:
            cells.complain(low, f"the minimum {first:g} V is above the maximum {last:g} V")
    reported = (n for _, table in TABLE_METRICS.values() for n in (table.imported_as, *table.names))
    if not any(name in cells for name in (*reported, *FIGURES)) and "erratum" not in cells:
        cells.complain(
            "structure",
            "the row reports no figure of the device; if that is right, say so in 'erratum'",
        )
    return columns


def _conditions(cells: Cells) -> dict[str, float | None]:
    """Return the numbers of the conditions, each typed with its unit or in that of its column."""
    columns: dict[str, float | None] = {}
    for short, column in CONDITIONS.items():
        if column.unit is None:  # a word
            continue
        given = column.name
        value: float | None = cells.number(given)
        if short in cells:
            _refuse_both(cells, short, (column.name,))
            given, found = short, cells.interval(short, column.unit)
            value = found.minimum if found else None
            if found and found.minimum != found.maximum:
                cells.complain(
                    short,
                    "is a range or a bound, where the table holds one value; leave the cell empty "
                    "and put the print into 'as_printed'",
                )
        _check_bounds(cells, given, [value], column)
        columns[column.name] = value
    return columns


def _refuse_both(cells: Cells, short: str, names: Sequence[str]) -> None:
    for name in names:
        if name in cells and name != short:
            cells.complain(name, f"and {short!r} are both given; fill in one of the two")


def _measured(
    cells: Cells, unit: str, table: TableColumns, columns: dict[str, Any]
) -> list[float | None]:
    """Return the minimum of a metric typed with its unit, and the maximum if it has one."""
    found = cells.interval(table.imported_as, unit, leave_out=_BEST)
    if found is None:
        return [None, None] if table.high else [None]
    text = (cells.text(table.imported_as) or "").removeprefix(_BEST)
    if table.high is None and _LOST_SUPERSCRIPT.fullmatch(text.split()[0]):
        cells.doubt(table.imported_as, f"is it 10^{text[2:].split()[0]}?")
    if found.bound == "upper":
        cells.complain(
            table.imported_as,
            "is an upper bound, which the table cannot hold; leave the cell empty and put the "
            "print into 'as_printed'",
        )
    _note_qualifier(cells, table, found, columns)
    value = found.maximum if found.minimum is None else found.minimum
    top = value if found.maximum is None else found.maximum
    if table.high is not None:
        return [value, top]
    if value != top:
        cells.complain(
            table.imported_as,
            "is a range, where the table holds one value; give the end that was shown to last, "
            "and put the print into 'as_printed'",
        )
    return [value]


def _note_qualifier(
    cells: Cells, table: TableColumns, found: Interval, columns: dict[str, Any]
) -> None:
    text = cells.text(table.imported_as) or ""
    at_least = ">=" if text.startswith(("≥", ">=")) else ">"
    mark = at_least if found.bound == "lower" else "~" if found.approximate else None
    if text.startswith(_BEST):
        mark = _BEST.strip()
    if table.qualifier is None:
        if mark == "~":  # tested cycles are a lower bound anyway, so that '>' adds nothing
            cells.complain(table.imported_as, "takes no '~'; write the number that was tested")
        return
    if mark is None:
        return
    if columns.get(table.qualifier, mark) != mark:
        cells.complain(
            table.imported_as,
            "and v_set have different signs in front; the table holds one for both",
        )
    columns[table.qualifier] = mark


def _check_bounds(cells: Cells, column: str, values: list[float | None], declared: Column) -> None:
    for value in values:
        reason = None if value is None else declared.impossible(value)
        below_1 = value is not None and value < 1 and not (value > 0 and cells.text("erratum"))
        if column == "on_off_ratio" and below_1:
            reason = (
                f"{value:g} is below 1; write on over off; if the paper prints this, say so in "
                "'erratum'"
            )
        if reason:
            cells.complain(column, reason)
            return


def _doubt_signs(cells: Cells, row: DevicesRow) -> None:
    """Record a doubt if SET and RESET have the same polarity; most memristors are bipolar."""
    if cells.problems or row.v_set_min_v is None or row.v_reset_min_v is None:
        return
    if row.v_set_min_v * row.v_reset_min_v > 0:
        cells.doubt(
            "v_reset" if "v_reset" in cells else "v_reset_min_v",
            "has the sign of the SET voltage; is the device unipolar?",
        )


def _as_typed(cells: Cells) -> str | None:
    """Return what was typed with its unit, as printed text."""
    names = [table.imported_as for _, table in TABLE_METRICS.values()]
    names += [short for short, column in CONDITIONS.items() if short != column.name]
    return "; ".join(f"{name} {cells.text(name)}" for name in names if name in cells) or None
