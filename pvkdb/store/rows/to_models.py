"""Values of tables and models made from rows of curated files and imports.

The collections read them back; the row is then the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, inspect
from sqlalchemy.orm import Mapper, Session

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.formulas.composition import Composition as ChemicalComposition
from pvkdb.chemistry.formulas.composition import parse_material
from pvkdb.errors import InputError
from pvkdb.schemas.metrics import TABLE_METRICS, table_columns
from pvkdb.schemas.tables import (
    DeviceClaimsRow,
    DevicesRow,
    ElectronicRow,
    EnergeticsRow,
    ReferencesRow,
    Row,
)
from pvkdb.store.models.devices import Device, DeviceClaim
from pvkdb.store.models.energetics import Electronic, Energetic
from pvkdb.store.models.materials import Material
from pvkdb.store.models.references import Reference
from pvkdb.store.rows.stacks import join_layers, split_layers

#: Returns the material of a composition and phase; adds it if necessary.
MaterialOf = Callable[[ChemicalComposition, str | None], Material]

Values = dict[str, Any]

#: Columns that do not distinguish statements: the id, the place in the paper, the wording, and
#: columns derived from others.
_NOT_CONTENT = frozenset(
    {
        *("id", "source", "as_printed", "erratum", "review", "text_source", "group"),
        "conditions_source",
        *("raw_files", "quality"),
        *("family", "bottom_electrode", "top_electrode", "other_layers"),
    }
)


@dataclass(frozen=True, slots=True)
class TableEntry:
    """Column values of a database row, and its child rows by relation."""

    model: type[Energetic | Electronic | Device | DeviceClaim]
    own: Values
    children: dict[str, list[Values]]
    material: Material | None = None

    def build(self) -> Any:
        """Return the model object with its child objects."""
        mapper: Mapper[Any] = inspect(self.model)
        related: Values = {
            name: [mapper.relationships[name].mapper.class_(**values) for values in children]
            for name, children in self.children.items()
        }
        if "material" in mapper.relationships:
            related["material"] = self.material
        return self.model(**self.own, **related)


def fingerprint(row: Row) -> str:
    """Return a hash that is equal for rows with the same content, wherever they are printed.

    Spellings do not count: a device is compared by its layers and material if these are known.
    """
    spelled = set()
    if isinstance(row, DevicesRow) and row.layers and row.material:
        spelled = {"structure", "absorber"}
        layers = [
            (role, "" if role == "absorber" else material)
            for role, material in split_layers(row.layers)
        ]
        row = row.model_copy(update={"layers": join_layers(layers)})
    content = row.model_dump_json(exclude={*_NOT_CONTENT, *spelled})
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def reference_model(row: ReferencesRow) -> Reference:
    """Return the model of a bibliography entry."""
    return Reference(**_own(row))


def energetic_entry(row: EnergeticsRow, material_of: MaterialOf) -> TableEntry:
    """Return the column values of a reported energy, with its references."""
    return TableEntry(
        Energetic,
        {**_own(row), "fingerprint": fingerprint(row)},
        {"references": _references(row.references)},
        material_of(parse_composition(row.material), row.phase),
    )


def electronic_entry(row: ElectronicRow, material_of: MaterialOf) -> TableEntry:
    """Return the column values of a reported gap, with its references."""
    return TableEntry(
        Electronic,
        _own(row),
        {"references": _references(row.references)},
        material_of(parse_composition(row.material), row.phase),
    )


def device_entry(row: DevicesRow, material_of: MaterialOf) -> TableEntry:
    """Return the column values of a device, with its layers and references."""
    layers = [
        {"position": position, "role": role, "material": name}
        for position, (role, name) in enumerate(split_layers(row.layers or ""))
    ]
    return TableEntry(
        Device,
        {**_own(row), **_metric_columns(row), "fingerprint": fingerprint(row)},
        {"layers": layers, "references": _references(row.references)},
        material_of(*_absorber(row.material, row.absorber)) if row.material else None,
    )


def _absorber(formula: str, printed: str) -> tuple[ChemicalComposition, str | None]:
    """Return the composition, and the phase in front of the printed absorber: ``δ-CsPbI3``."""
    composition = parse_composition(formula)
    try:
        same, phase = parse_material(printed)
    except InputError:
        return composition, None
    return composition, phase if same.formula == composition.formula else None


def device_claim_entry(row: DeviceClaimsRow, position: int) -> TableEntry:
    """Return the column values of a reported figure; ``position`` orders the table."""
    return TableEntry(
        DeviceClaim,
        {**_own(row), "position": position},
        {"references": _references(row.references)},
    )


def insert_entries(session: Session, entries: Sequence[TableEntry]) -> None:
    """Insert entries of one table without making objects, which is ten times as fast."""
    if not entries:
        return
    session.flush()  # their materials
    mapper: Mapper[Any] = inspect(entries[0].model)
    own = [entry.own for entry in entries]
    if "material" in mapper.relationships:
        own = [
            {**entry.own, "material_id": entry.material.id if entry.material else None}
            for entry in entries
        ]
    session.execute(insert(entries[0].model), own)
    for name in entries[0].children:
        relation = mapper.relationships[name]
        (parent,) = (remote.key for _, remote in relation.local_remote_pairs or ())
        children = [
            {**values, parent: entry.own["id"]}
            for entry in entries
            for values in entry.children[name]
        ]
        if children:
            session.execute(insert(relation.mapper.class_), children)


def _own(row: Row) -> Values:
    return row.model_dump(exclude=set(row.elsewhere))


def _references(keys: str) -> list[Values]:
    return [{"reference_key": key, "position": place} for place, key in enumerate(keys.split())]


def _metric_columns(row: DevicesRow) -> Values:
    """Return the columns of metrics: an end that is not given is the other one."""
    columns: Values = dict.fromkeys(table_columns())
    for _, table in TABLE_METRICS.values():
        ends = [end for name in table.names if (end := getattr(row, name)) is not None]
        if ends:
            columns |= zip(table.names, (ends[0], ends[-1]), strict=False)
            if table.qualifier:
                columns[table.qualifier] = getattr(row, table.qualifier)
    return columns
