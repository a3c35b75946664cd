"""First schema: literature, materials, devices, structures, calculations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "application_requirements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("comparator", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("value_max", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("as_printed", sa.String(), nullable=True),
        sa.Column("erratum", sa.String(), nullable=True),
        sa.CheckConstraint(
            "comparator <> 'between' OR value_max IS NOT NULL",
            name=op.f("ck_application_requirements_window"),
        ),
        sa.CheckConstraint(
            "comparator IN ('>', '<', '>=', '<=', 'between')",
            name=op.f("ck_application_requirements_comparator"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_requirements")),
        sa.UniqueConstraint(
            "application", "metric", "comparator", "source", name="uq_application_requirements_row"
        ),
    )
    with op.batch_alter_table("application_requirements", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_application_requirements_application"), ["application"], unique=False
        )

    op.create_table(
        "bibliography",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("authors", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("journal", sa.String(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("volume", sa.String(), nullable=True),
        sa.Column("pages", sa.String(), nullable=True),
        sa.Column("doi", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_bibliography")),
        sa.UniqueConstraint("number", name=op.f("uq_bibliography_number")),
    )
    with op.batch_alter_table("bibliography", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bibliography_year"), ["year"], unique=False)

    op.create_table(
        "compositions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("formula", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("dimensionality", sa.Integer(), nullable=True),
        sa.Column("layers", sa.Integer(), nullable=True),
        sa.Column("lead_free", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compositions")),
        sa.UniqueConstraint("formula", name=op.f("uq_compositions_formula")),
    )
    with op.batch_alter_table("compositions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_compositions_family"), ["family"], unique=False)

    op.create_table(
        "dataset_versions",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_dataset_versions")),
    )
    op.create_table(
        "materials",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("composition_id", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["composition_id"], ["compositions.id"], name=op.f("fk_materials_composition_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_materials")),
    )
    with op.batch_alter_table("materials", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_materials_composition_id"), ["composition_id"], unique=False
        )

    op.create_table(
        "site_occupancies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("composition_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("ion", sa.String(), nullable=False),
        sa.Column("charge", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.CheckConstraint("site IN ('A', 'B', 'X')", name=op.f("ck_site_occupancies_site")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_site_occupancies_amount_positive")),
        sa.ForeignKeyConstraint(
            ["composition_id"], ["compositions.id"], name=op.f("fk_site_occupancies_composition_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_occupancies")),
        sa.UniqueConstraint(
            "composition_id", "position", name=op.f("uq_site_occupancies_composition_id_position")
        ),
    )
    with op.batch_alter_table("site_occupancies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_site_occupancies_ion"), ["ion"], unique=False)

    op.create_table(
        "calculations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("material_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("versions", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("failure_kind", sa.String(), nullable=True),
        sa.Column("failure_message", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_calculations_state"),
        ),
        sa.ForeignKeyConstraint(
            ["material_id"], ["materials.id"], name=op.f("fk_calculations_material_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calculations")),
        sa.UniqueConstraint("key", name=op.f("uq_calculations_key")),
    )
    with op.batch_alter_table("calculations", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_calculations_material_id"), ["material_id"], unique=False
        )
        batch_op.create_index(
            "ix_calculations_queue", ["state", "priority", "created_at"], unique=False
        )

    op.create_table(
        "devices",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("device_group", sa.String(), nullable=False),
        sa.Column("structure", sa.String(), nullable=False),
        sa.Column("absorber", sa.String(), nullable=False),
        sa.Column("material_id", sa.String(), nullable=True),
        sa.Column("form", sa.String(), nullable=True),
        sa.Column("configuration", sa.String(), nullable=True),
        sa.Column("mechanism", sa.String(), nullable=True),
        sa.Column("volatility", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("as_printed", sa.String(), nullable=True),
        sa.Column("erratum", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["material_id"], ["materials.id"], name=op.f("fk_devices_material_id")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["devices.id"], name=op.f("fk_devices_supersedes_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_devices_supersedes_id")),
    )
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_devices_material_id"), ["material_id"], unique=False)

    op.create_table(
        "device_layers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("material", sa.String(), nullable=False),
        sa.CheckConstraint(
            "role IN ('substrate', 'adhesion', 'bottom_electrode', 'transport', 'buffer', 'absorber', 'top_electrode')",
            name=op.f("ck_device_layers_role"),
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_device_layers_device_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_layers")),
        sa.UniqueConstraint(
            "device_id", "position", name=op.f("uq_device_layers_device_id_position")
        ),
    )
    op.create_table(
        "device_metrics",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value_min", sa.Double(), nullable=False),
        sa.Column("value_max", sa.Double(), nullable=False),
        sa.Column("qualifier", sa.String(), nullable=True),
        sa.CheckConstraint(
            "metric IN ('on_off_ratio', 'v_set_v', 'v_reset_v', 'endurance_cycles', 'retention_s', 'stability_days')",
            name=op.f("ck_device_metrics_metric"),
        ),
        sa.CheckConstraint("value_min <= value_max", name=op.f("ck_device_metrics_interval")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_device_metrics_device_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_metrics")),
        sa.UniqueConstraint("device_id", "metric", name=op.f("uq_device_metrics_device_id_metric")),
    )
    with op.batch_alter_table("device_metrics", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_metrics_metric"), ["metric"], unique=False)

    op.create_table(
        "device_references",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("reference_key", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_device_references_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["reference_key"], ["bibliography.key"], name=op.f("fk_device_references_reference_key")
        ),
        sa.PrimaryKeyConstraint("device_id", "reference_key", name=op.f("pk_device_references")),
    )
    op.create_table(
        "energetics",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("material_id", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("defect", sa.String(), nullable=False),
        sa.Column("species", sa.String(), nullable=False),
        sa.Column("charge", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("value_min_ev", sa.Double(), nullable=True),
        sa.Column("value_max_ev", sa.Double(), nullable=True),
        sa.Column("bound", sa.String(), nullable=True),
        sa.Column("approximate", sa.Boolean(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("functional", sa.String(), nullable=True),
        sa.Column("soc", sa.Boolean(), nullable=True),
        sa.Column("conditions", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("as_printed", sa.String(), nullable=True),
        sa.Column("erratum", sa.String(), nullable=True),
        sa.Column("calculation_id", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.String(), nullable=True),
        sa.CheckConstraint("bound IN ('lower', 'upper')", name=op.f("ck_energetics_bound")),
        sa.CheckConstraint(
            "method IN ('DFT', 'experiment', 'MLIP', 'mixed', 'unknown')",
            name=op.f("ck_energetics_method"),
        ),
        sa.CheckConstraint("quantity IN ('E_A', 'DFE')", name=op.f("ck_energetics_quantity")),
        sa.CheckConstraint(
            "scope IN ('reported', 'hop', 'percolation')", name=op.f("ck_energetics_scope")
        ),
        sa.CheckConstraint("value_min_ev <= value_max_ev", name=op.f("ck_energetics_interval")),
        sa.CheckConstraint(
            "value_min_ev IS NOT NULL OR value_max_ev IS NOT NULL",
            name=op.f("ck_energetics_has_value"),
        ),
        sa.ForeignKeyConstraint(
            ["calculation_id"], ["calculations.id"], name=op.f("fk_energetics_calculation_id")
        ),
        sa.ForeignKeyConstraint(
            ["material_id"], ["materials.id"], name=op.f("fk_energetics_material_id")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["energetics.id"], name=op.f("fk_energetics_supersedes_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_energetics")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_energetics_supersedes_id")),
    )
    with op.batch_alter_table("energetics", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_energetics_calculation_id"), ["calculation_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_energetics_defect"), ["defect"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_energetics_material_id"), ["material_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_energetics_quantity"), ["quantity"], unique=False)

    op.create_table(
        "structures",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("material_id", sa.String(), nullable=False),
        sa.Column("space_group", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("calculation_id", sa.String(), nullable=True),
        sa.Column("atoms", sa.Integer(), nullable=False),
        sa.Column("energy_ev", sa.Double(), nullable=True),
        sa.Column("cell_ang", sa.JSON(), nullable=False),
        sa.Column("symbols", sa.JSON(), nullable=False),
        sa.Column("positions_ang", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calculation_id"], ["calculations.id"], name=op.f("fk_structures_calculation_id")
        ),
        sa.ForeignKeyConstraint(
            ["material_id"], ["materials.id"], name=op.f("fk_structures_material_id")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["structures.id"], name=op.f("fk_structures_parent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_structures")),
    )
    with op.batch_alter_table("structures", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_structures_calculation_id"), ["calculation_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_structures_material_id"), ["material_id"], unique=False
        )

    op.create_table(
        "energetic_references",
        sa.Column("energetic_id", sa.String(), nullable=False),
        sa.Column("reference_key", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["energetic_id"], ["energetics.id"], name=op.f("fk_energetic_references_energetic_id")
        ),
        sa.ForeignKeyConstraint(
            ["reference_key"],
            ["bibliography.key"],
            name=op.f("fk_energetic_references_reference_key"),
        ),
        sa.PrimaryKeyConstraint(
            "energetic_id", "reference_key", name=op.f("pk_energetic_references")
        ),
    )


def downgrade() -> None:
    for table in (
        "energetic_references",
        "structures",
        "energetics",
        "device_references",
        "device_metrics",
        "device_layers",
        "devices",
        "calculations",
        "site_occupancies",
        "materials",
        "dataset_versions",
        "compositions",
        "bibliography",
        "application_requirements",
    ):
        op.drop_table(table)
