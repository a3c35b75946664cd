"""Band gaps and other values of electrons, measured and computed"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_QUANTITIES = "'gap', 'static_dielectric', 'high_frequency_dielectric', 'absorption_onset_nm'"


def upgrade() -> None:
    op.create_table(
        "electronic",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("material_id", sa.String(), sa.ForeignKey("materials.id"), nullable=False),
        sa.Column("calculation_id", sa.String(), sa.ForeignKey("calculations.id")),
        sa.Column("supersedes_id", sa.String(), sa.ForeignKey("electronic.id")),
        sa.Column("recorded_in", sa.String(), sa.ForeignKey("dataset_versions.version")),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("value_low", sa.Double()),
        sa.Column("value_high", sa.Double()),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("as_computed", sa.Double()),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("functional", sa.String()),
        sa.Column("soc", sa.Boolean()),
        sa.Column("temperature_k", sa.Double()),
        sa.Column("conditions", sa.String()),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("as_printed", sa.String()),
        sa.CheckConstraint(f"quantity IN ({_QUANTITIES})", name="quantity"),
        sa.CheckConstraint("method IN ('experiment', 'DFT', 'model')", name="method"),
        sa.CheckConstraint("unit IN ('eV', '1', 'nm')", name="unit"),
        sa.CheckConstraint("value_low <= value_high", name="interval"),
        sa.CheckConstraint("coalesce(value, value_low, as_computed) IS NOT NULL", name="has_value"),
        sa.UniqueConstraint("supersedes_id"),
    )
    columns = ("material_id", "quantity", "method", "id")
    op.create_index("ix_electronic_material", "electronic", columns)
    op.create_index(op.f("ix_electronic_calculation_id"), "electronic", ["calculation_id"])
    op.create_table(
        "electronic_references",
        sa.Column("electronic_id", sa.String(), sa.ForeignKey("electronic.id"), primary_key=True),
        sa.Column(
            "reference_key", sa.String(), sa.ForeignKey("bibliography.key"), primary_key=True
        ),
        sa.Column("position", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("electronic_references")
    op.drop_table("electronic")
