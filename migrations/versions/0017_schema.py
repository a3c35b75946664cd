"""All tables, of which there is no way back but a backup.

Its number is that of the last migration of the versions before 0.1.0, whose stores it fits.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = None
branch_labels = None
depends_on = None

BOOLEAN = sa.Boolean()
BYTES = sa.LargeBinary()
INTEGER = sa.Integer()
JSON = sa.JSON()
LONG = sa.BigInteger()
NUMBER = sa.Double()
#: Whose order is that of the characters' numbers, so that an index serves searches by a beginning.
SORTED_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TEXT = sa.String()
TIME = sa.DateTime(timezone=True)

#: Indexes of one column.
INDEXED = {
    "application_requirements": "application",
    "remembered_answers": "created_at",
    "audit_log": "at key_id",
    "bibliography": "doi year",
    "device_claims": "metric position",
    "materials": "composition_id family",
    "screening_runs": "recorded_in",
    "tolerance_factors": "tau",
    "calculations": "material_id recorded_in",
    "devices": "absorber fingerprint",
    "calculation_dependencies": "depends_on_id",
    "calculation_events": "calculation_id",
    "calculation_files": "sha256",
    "device_metrics": "metric",
    "energetics": "calculation_id defect fingerprint",
    "structures": "calculation_id formula_anonymous formula_reduced material_id",
}
#: Indexes of several columns.
INDEXES = {
    "calculations": {"claim": "state, priority DESC, created_at, id"},
    "composition_summaries": {
        "known": "known DESC, formula, composition_id, kinds, families, lead_free, lowest_phase, "
        "t, mu, tau, p_perovskite, decomposition_ev_per_atom, "
        "e_a_literature_min_ev, e_a_literature_max_ev, e_a_computed_min_ev, e_a_computed_max_ev, "
        "dfe_literature_min_ev, dfe_literature_max_ev, dfe_computed_min_ev, dfe_computed_max_ev",
        "e_a_literature_min_ev": "e_a_literature_min_ev, formula, composition_id",
        "e_a_computed_min_ev": "e_a_computed_min_ev, formula, composition_id",
        "dfe_literature_min_ev": "dfe_literature_min_ev, formula, composition_id",
        "dfe_computed_min_ev": "dfe_computed_min_ev, formula, composition_id",
    },
    "devices": {
        "endurance": "endurance_cycles, material_id, id",
        "material": "material_id, retention_s, retention_qualifier, on_off_ratio, id",
        "mechanism": "mechanism, volatility, id",
        "on_off": "on_off_ratio, material_id, on_off_qualifier, retention_s, id",
        "retention": "retention_s, material_id, retention_qualifier, on_off_ratio, id",
    },
    "energetics": {
        "material": "material_id, quantity, value_min_ev, value_max_ev, id",
        "value": "quantity, value_min_ev, value_max_ev, material_id, id",
    },
    "materials": {
        "dimensionality": "dimensionality, composition_id",
        "phase": "phase, composition_id",
    },
    "site_occupancies": {"ion": "ion, composition_id, site"},
    "structure_elements": {"element": "element, structure_id"},
}
#: Columns by which lists of compositions are ordered or filtered.
ORDERED = (
    "families kinds lowest_phase decomposition_ev_per_atom t mu tau p_perovskite phases_count "
    "devices_count energetics_reported_count energetics_computed_count structures_count"
)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        *_required(TEXT, "id name digest scopes"),
        *_required(TIME, "created_at"),
        *_optional(TIME, "expires_at revoked_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "application_requirements",
        *_required(INTEGER, "id"),
        *_required(TEXT, "application metric comparator"),
        *_required(NUMBER, "value"),
        *_optional(NUMBER, "value_max"),
        *_required(TEXT, "unit source"),
        *_optional(TEXT, "as_printed erratum"),
        *_required(TEXT, "basis"),
        *_optional(BOOLEAN, "upper_limit"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "application", "metric", "comparator", "source", name="uq_application_requirements_row"
        ),
        sa.CheckConstraint(
            "basis IN ('printed', 'reading', 'working point', 'offer')", name="basis"
        ),
        sa.CheckConstraint("comparator IN ('>', '<', '>=', '<=', 'between')", name="comparator"),
        sa.CheckConstraint("comparator <> 'between' OR value_max IS NOT NULL", name="window"),
    )
    op.create_table(
        "array_challenges",
        *_required(TEXT, "challenge aspect statement"),
        *_optional(NUMBER, "spacing_to_thickness_ratio"),
        *_required(TEXT, "source"),
        *_required(INTEGER, "position", autoincrement=False),
        *_optional(TEXT, "as_printed erratum"),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "benchmark_datasets",
        *_required(TEXT, "dataset"),
        *_optional(TEXT, "description"),
        *_optional(INTEGER, "classes image_width_px image_height_px"),
        *_optional(TEXT, "color network material structure material_source"),
        *_optional(NUMBER, "accuracy_percent"),
        *_optional(TEXT, "conditions on_chip"),
        *_required(TEXT, "references source"),
        *_optional(TEXT, "accuracy_source accuracy_as_printed"),
        *_required(INTEGER, "position", autoincrement=False),
        *_optional(TEXT, "as_printed erratum"),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "composition_counts",
        *_required(TEXT, "ion families"),
        *_required(BOOLEAN, "lead_free"),
        *_required(TEXT, "lowest_phase"),
        *_required(INTEGER, "kinds number"),
        sa.PrimaryKeyConstraint("ion", "families", "lead_free", "lowest_phase", "kinds"),
    )
    op.create_table(
        "compositions",
        *_required(INTEGER, "id"),
        *_required(TEXT, "formula"),
        *_optional(INTEGER, "layers"),
        *_required(BOOLEAN, "lead_free"),
        *_optional(TEXT, "excess_charge"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("formula"),
    )
    op.create_table(
        "conduction_mechanisms",
        *_required(TEXT, "mechanism origin iv_relationship temperature_dependence"),
        *_required(INTEGER, "position", autoincrement=False),
        *_optional(TEXT, "as_printed erratum"),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("mechanism"),
    )
    op.create_table(
        "corrections",
        *_required(INTEGER, "id"),
        *_required(TEXT, "row_key column_name value source why"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("row_key", "column_name"),
    )
    changes = op.create_table(
        "data_changes",
        *_required(INTEGER, "id"),
        *_required(LONG, "number"),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.create_table(
        "dataset_versions",
        *_required(TEXT, "version"),
        *_required(TIME, "loaded_at"),
        *_optional(TEXT, "description"),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "formula_parts",
        *_required(SORTED_TEXT, "part"),
        *_required(INTEGER, "composition_id"),
        sa.PrimaryKeyConstraint("part", "composition_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "processing_techniques",
        *_required(TEXT, "technique route"),
        *_optional(TEXT, "advantages film_quality scalability process challenges"),
        *_required(TEXT, "source"),
        *_required(INTEGER, "position", autoincrement=False),
        *_optional(TEXT, "as_printed erratum"),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("technique"),
    )
    op.create_table(
        "remembered_answers",
        *_required(TEXT, "caller key request_digest"),
        *_optional(INTEGER, "status"),
        *_optional(JSON, "body"),
        *_required(TIME, "created_at"),
        sa.PrimaryKeyConstraint("caller", "key"),
    )
    op.create_table(
        "screening_schedules",
        *_required(TEXT, "plan expression"),
        *_required(TIME, "since"),
        sa.PrimaryKeyConstraint("plan"),
    )
    op.create_table(
        "test_protocols",
        *_required(INTEGER, "printed_table"),
        *_required(TEXT, "function"),
        *_optional(TEXT, "device_requirement pulse_protocol measured application memristor_type"),
        *_required(TEXT, "references source"),
        *_required(INTEGER, "position", autoincrement=False),
        *_optional(TEXT, "as_printed erratum"),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "audit_log",
        *_required(INTEGER, "id"),
        *_required(TIME, "at"),
        *_required(TEXT, "caller"),
        *_optional(TEXT, "key_id address"),
        *_required(TEXT, "action subject"),
        *_optional(TEXT, "request_id"),
        sa.PrimaryKeyConstraint("id"),
        _refers("key_id", "api_keys.id"),
    )
    op.create_table(
        "bibliography",
        *_required(TEXT, "key"),
        *_optional(INTEGER, "number"),
        *_optional(TEXT, "authors title journal"),
        *_optional(INTEGER, "year"),
        *_optional(TEXT, "volume pages doi recorded_in"),
        sa.PrimaryKeyConstraint("key"),
        _refers("recorded_in", "dataset_versions.version"),
        sa.UniqueConstraint("number"),
    )
    op.create_table(
        "composition_stabilities",
        *_required(INTEGER, "composition_id"),
        *_required(NUMBER, "decomposition_ev_per_atom"),
        *_required(TEXT, "source"),
        sa.PrimaryKeyConstraint("composition_id"),
        _refers("composition_id", "compositions.id"),
    )
    op.create_table(
        "composition_summaries",
        *_required(INTEGER, "composition_id"),
        *_required(TEXT, "formula"),
        *_required(INTEGER, "known kinds"),
        *_required(TEXT, "families"),
        *_required(BOOLEAN, "lead_free"),
        *_required(INTEGER, "phases_count"),
        *_optional(TEXT, "lowest_phase lowest_phase_potential"),
        *_required(INTEGER, "phases_compared"),
        *_optional(NUMBER, "decomposition_ev_per_atom"),
        *_optional(TEXT, "decomposition_source"),
        *_optional(
            NUMBER,
            "e_a_literature_min_ev e_a_literature_max_ev e_a_computed_min_ev e_a_computed_max_ev "
            "dfe_literature_min_ev dfe_literature_max_ev dfe_computed_min_ev dfe_computed_max_ev "
            "t mu tau p_perovskite",
        ),
        *_required(
            INTEGER,
            "devices_count energetics_reported_count energetics_computed_count structures_count",
        ),
        sa.PrimaryKeyConstraint("composition_id"),
        _refers("composition_id", "compositions.id"),
        sa.UniqueConstraint("formula"),
    )
    op.create_table(
        "device_claims",
        *_required(TEXT, "id"),
        *_required(INTEGER, "position"),
        *_required(TEXT, "device metric"),
        *_required(NUMBER, "value"),
        *_optional(NUMBER, "value_max"),
        *_required(TEXT, "unit"),
        *_optional(TEXT, "qualifier"),
        *_required(TEXT, "source"),
        *_optional(TEXT, "as_printed erratum supersedes_id recorded_in"),
        sa.PrimaryKeyConstraint("id"),
        _refers("supersedes_id", "device_claims.id"),
        _refers("recorded_in", "dataset_versions.version"),
        sa.UniqueConstraint("supersedes_id"),
        sa.CheckConstraint("value <= value_max", name="interval"),
    )
    op.create_table(
        "materials",
        *_required(TEXT, "id"),
        *_required(INTEGER, "composition_id"),
        *_optional(TEXT, "phase"),
        *_required(TEXT, "family"),
        *_optional(INTEGER, "dimensionality"),
        sa.PrimaryKeyConstraint("id"),
        _refers("composition_id", "compositions.id"),
    )
    op.create_table(
        "screening_runs",
        *_required(INTEGER, "id"),
        *_required(TEXT, "plan"),
        *_required(TIME, "fire_time"),
        *_required(BOOLEAN, "scheduled"),
        *_required(TEXT, "state"),
        *_required(INTEGER, "attempts"),
        *_optional(TEXT, "owner"),
        *_optional(TIME, "lease_until"),
        *_required(TIME, "started_at"),
        *_optional(TIME, "finished_at"),
        *_optional(JSON, "counts differences"),
        *_optional(TEXT, "failure webhook"),
        *_optional(BYTES, "report"),
        *_optional(TEXT, "recorded_in"),
        sa.PrimaryKeyConstraint("id"),
        _refers("recorded_in", "dataset_versions.version"),
        sa.UniqueConstraint("plan", "fire_time"),
        sa.CheckConstraint("state IN ('running', 'done', 'failed', 'interrupted')", name="state"),
    )
    op.create_table(
        "site_occupancies",
        *_required(INTEGER, "id composition_id position"),
        *_required(TEXT, "site ion"),
        *_required(INTEGER, "charge"),
        *_optional(NUMBER, "amount"),
        *_optional(TEXT, "amount_symbolic"),
        sa.PrimaryKeyConstraint("id"),
        _refers("composition_id", "compositions.id"),
        sa.UniqueConstraint("composition_id", "position"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("amount IS NULL OR amount_symbolic IS NULL", name="one_amount"),
        sa.CheckConstraint("site IN ('A', 'B', 'X')", name="site"),
    )
    op.create_table(
        "tolerance_factors",
        *_required(INTEGER, "composition_id"),
        *_required(NUMBER, "t mu"),
        *_optional(NUMBER, "tau p_perovskite"),
        sa.PrimaryKeyConstraint("composition_id"),
        _refers("composition_id", "compositions.id"),
    )
    op.create_table(
        "calculations",
        *_required(TEXT, "id key kind"),
        *_optional(TEXT, "material_id"),
        *_required(TEXT, "state"),
        *_required(INTEGER, "priority attempts"),
        *_required(JSON, "parameters"),
        *_optional(JSON, "result versions"),
        *_optional(TEXT, "failure_kind failure_message owner"),
        *_optional(TIME, "lease_until cancel_requested_at"),
        *_optional(JSON, "progress"),
        *_required(TIME, "created_at"),
        *_optional(TIME, "started_at finished_at"),
        *_optional(TEXT, "recorded_in"),
        sa.PrimaryKeyConstraint("id"),
        _refers("material_id", "materials.id"),
        _refers("recorded_in", "dataset_versions.version"),
        sa.UniqueConstraint("key"),
        sa.CheckConstraint(
            "state IN ('waiting', 'queued', 'running', 'done', 'failed', 'cancelled')", name="state"
        ),
    )
    op.create_table(
        "device_claim_references",
        *_required(TEXT, "claim_id reference_key"),
        *_required(INTEGER, "position"),
        sa.PrimaryKeyConstraint("claim_id", "reference_key"),
        _refers("claim_id", "device_claims.id"),
        _refers("reference_key", "bibliography.key"),
    )
    op.create_table(
        "devices",
        *_required(TEXT, "id device_group structure absorber"),
        *_optional(
            TEXT,
            "material_id form configuration mechanism volatility text_source raw_files quality",
        ),
        *_required(TEXT, "source"),
        *_optional(TEXT, "as_printed erratum"),
        *_optional(NUMBER, "on_off_ratio"),
        *_optional(TEXT, "on_off_qualifier"),
        *_optional(NUMBER, "v_set_min_v v_set_max_v v_reset_min_v v_reset_max_v"),
        *_optional(TEXT, "v_qualifier"),
        *_optional(NUMBER, "endurance_cycles retention_s"),
        *_optional(TEXT, "retention_qualifier"),
        *_optional(NUMBER, "stability_days"),
        *_optional(TEXT, "stability_qualifier supersedes_id recorded_in fingerprint"),
        sa.PrimaryKeyConstraint("id"),
        _refers("material_id", "materials.id"),
        _refers("supersedes_id", "devices.id"),
        _refers("recorded_in", "dataset_versions.version"),
        sa.UniqueConstraint("supersedes_id"),
    )
    op.create_table(
        "calculation_dependencies",
        *_required(TEXT, "calculation_id depends_on_id"),
        sa.PrimaryKeyConstraint("calculation_id", "depends_on_id"),
        _refers("calculation_id", "calculations.id"),
        _refers("depends_on_id", "calculations.id"),
    )
    op.create_table(
        "calculation_events",
        *_required(INTEGER, "id"),
        *_required(TEXT, "calculation_id"),
        *_required(TIME, "at"),
        *_required(TEXT, "event"),
        *_optional(TEXT, "message"),
        sa.PrimaryKeyConstraint("id"),
        _refers("calculation_id", "calculations.id"),
    )
    op.create_table(
        "calculation_files",
        *_required(TEXT, "calculation_id name sha256"),
        *_required(LONG, "size"),
        sa.PrimaryKeyConstraint("calculation_id", "name"),
        _refers("calculation_id", "calculations.id"),
    )
    op.create_table(
        "device_layers",
        *_required(INTEGER, "id"),
        *_required(TEXT, "device_id"),
        *_required(INTEGER, "position"),
        *_required(TEXT, "role material"),
        sa.PrimaryKeyConstraint("id"),
        _refers("device_id", "devices.id"),
        sa.UniqueConstraint("device_id", "position"),
        sa.CheckConstraint(
            "role IN ('substrate', 'adhesion', 'bottom_electrode', 'transport', 'buffer', "
            "'interlayer', 'absorber', 'top_electrode')",
            name="role",
        ),
    )
    op.create_table(
        "device_metrics",
        *_required(INTEGER, "id"),
        *_required(TEXT, "device_id metric"),
        *_required(NUMBER, "value_min value_max"),
        *_optional(TEXT, "qualifier"),
        sa.PrimaryKeyConstraint("id"),
        _refers("device_id", "devices.id"),
        sa.UniqueConstraint("device_id", "metric"),
        sa.CheckConstraint("value_min <= value_max", name="interval"),
        sa.CheckConstraint(
            "metric IN ('on_off_ratio', 'v_set_v', 'v_reset_v', 'endurance_cycles', "
            "'retention_s', 'stability_days')",
            name="metric",
        ),
    )
    op.create_table(
        "device_references",
        *_required(TEXT, "device_id reference_key"),
        *_required(INTEGER, "position"),
        sa.PrimaryKeyConstraint("device_id", "reference_key"),
        _refers("device_id", "devices.id"),
        _refers("reference_key", "bibliography.key"),
    )
    op.create_table(
        "energetics",
        *_required(TEXT, "id material_id"),
        *_optional(TEXT, "direction"),
        *_required(TEXT, "defect species"),
        *_optional(INTEGER, "charge"),
        *_required(TEXT, "quantity scope"),
        *_optional(NUMBER, "value_min_ev value_max_ev"),
        *_optional(TEXT, "bound"),
        *_required(BOOLEAN, "approximate"),
        *_required(TEXT, "method"),
        *_optional(TEXT, "functional"),
        *_optional(BOOLEAN, "soc"),
        *_optional(TEXT, "conditions"),
        *_required(TEXT, "source"),
        *_optional(TEXT, "as_printed erratum calculation_id supersedes_id recorded_in fingerprint"),
        sa.PrimaryKeyConstraint("id"),
        _refers("material_id", "materials.id"),
        _refers("calculation_id", "calculations.id"),
        _refers("supersedes_id", "energetics.id"),
        _refers("recorded_in", "dataset_versions.version"),
        sa.UniqueConstraint("supersedes_id"),
        sa.CheckConstraint("bound IN ('lower', 'upper')", name="bound"),
        sa.CheckConstraint(
            "value_min_ev IS NOT NULL OR value_max_ev IS NOT NULL", name="has_value"
        ),
        sa.CheckConstraint("value_min_ev <= value_max_ev", name="interval"),
        sa.CheckConstraint(
            "method IN ('DFT', 'experiment', 'MLIP', 'mixed', 'unknown')", name="method"
        ),
        sa.CheckConstraint("quantity IN ('E_A', 'DFE')", name="quantity"),
        sa.CheckConstraint("scope IN ('reported', 'hop', 'percolation', 'computed')", name="scope"),
    )
    op.create_table(
        "structures",
        *_required(TEXT, "id material_id"),
        *_optional(TEXT, "space_group"),
        *_required(TEXT, "role origin"),
        *_optional(TEXT, "parent_id calculation_id"),
        *_required(INTEGER, "atoms"),
        *_optional(NUMBER, "energy_ev"),
        *_required(JSON, "cell_ang symbols positions_ang"),
        *_optional(TIME, "recorded_at"),
        *_required(INTEGER, "nelements"),
        *_required(TEXT, "formula_reduced formula_anonymous formula_hill"),
        sa.PrimaryKeyConstraint("id"),
        _refers("material_id", "materials.id"),
        _refers("parent_id", "structures.id"),
        _refers("calculation_id", "calculations.id"),
    )
    op.create_table(
        "energetic_references",
        *_required(TEXT, "energetic_id reference_key"),
        *_required(INTEGER, "position"),
        sa.PrimaryKeyConstraint("energetic_id", "reference_key"),
        _refers("energetic_id", "energetics.id"),
        _refers("reference_key", "bibliography.key"),
    )
    op.create_table(
        "structure_elements",
        *_required(TEXT, "structure_id element"),
        *_required(INTEGER, "atoms"),
        *_required(NUMBER, "ratio"),
        sa.PrimaryKeyConstraint("structure_id", "element"),
        _refers("structure_id", "structures.id"),
    )
    op.bulk_insert(changes, [{"id": 1, "number": 0}])
    for table, columns in INDEXED.items():
        for column in columns.split():
            op.create_index(f"ix_{table}_{column}", table, [column])
    for column in ORDERED.split():
        op.create_index(
            f"ix_composition_summaries_{column}", "composition_summaries", [column, "formula"]
        )
    for table, indexes in INDEXES.items():
        for name, columns in indexes.items():
            ordered = [_direction(column) for column in columns.split(", ")]
            op.create_index(f"ix_{table}_{name}", table, ordered)
    under_way = sa.text("scheduled AND state = 'running'")
    op.create_index(
        "ix_screening_runs_under_way",
        "screening_runs",
        ["plan"],
        unique=True,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )


def _required(kind: Any, names: str, **given: Any) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False, **given) for name in names.split()]


def _optional(kind: Any, names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind) for name in names.split()]


def _refers(column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target])


def _direction(column: str) -> Any:
    return sa.text(column) if column.endswith(" DESC") else column
