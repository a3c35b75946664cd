"""Device claims and the descriptive tables of the review"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "array_challenges",
        sa.Column("challenge", sa.String(), nullable=False),
        sa.Column("aspect", sa.String(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("spacing_to_thickness_ratio", sa.Double(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("as_printed", sa.String(), nullable=True),
        sa.Column("erratum", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_array_challenges")),
    )
    op.create_table(
        "benchmark_datasets",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("classes", sa.Integer(), nullable=True),
        sa.Column("image_width_px", sa.Integer(), nullable=True),
        sa.Column("image_height_px", sa.Integer(), nullable=True),
        sa.Column("color", sa.String(), nullable=True),
        sa.Column("network", sa.String(), nullable=True),
        sa.Column("material", sa.String(), nullable=True),
        sa.Column("structure", sa.String(), nullable=True),
        sa.Column("material_source", sa.String(), nullable=True),
        sa.Column("accuracy_percent", sa.Double(), nullable=True),
        sa.Column("conditions", sa.String(), nullable=True),
        sa.Column("on_chip", sa.String(), nullable=True),
        sa.Column("references", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("accuracy_source", sa.String(), nullable=True),
        sa.Column("accuracy_as_printed", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("as_printed", sa.String(), nullable=True),
        sa.Column("erratum", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_benchmark_datasets")),
    )
    op.create_table(
        "conduction_mechanisms",
        sa.Column("mechanism", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("iv_relationship", sa.String(), nullable=False),
        sa.Column("temperature_dependence", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("as_printed", sa.String(), nullable=True),
        sa.Column("erratum", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_conduction_mechanisms")),
        sa.UniqueConstraint("mechanism", name=op.f("uq_conduction_mechanisms_mechanism")),
    )
    op.create_table(
        "device_claims",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("value_max", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("qualifier", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("as_printed", sa.String(), nullable=True),
        sa.Column("erratum", sa.String(), nullable=True),
        sa.CheckConstraint("value <= value_max", name=op.f("ck_device_claims_interval")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_claims")),
        sa.UniqueConstraint("position", name=op.f("uq_device_claims_position")),
    )
    with op.batch_alter_table("device_claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_claims_metric"), ["metric"], unique=False)

    op.create_table(
        "processing_techniques",
        sa.Column("technique", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("advantages", sa.String(), nullable=True),
        sa.Column("film_quality", sa.String(), nullable=True),
        sa.Column("scalability", sa.String(), nullable=True),
        sa.Column("process", sa.String(), nullable=True),
        sa.Column("challenges", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("as_printed", sa.String(), nullable=True),
        sa.Column("erratum", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_processing_techniques")),
        sa.UniqueConstraint("technique", name=op.f("uq_processing_techniques_technique")),
    )
    op.create_table(
        "test_protocols",
        sa.Column("printed_table", sa.Integer(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("device_requirement", sa.String(), nullable=True),
        sa.Column("pulse_protocol", sa.String(), nullable=True),
        sa.Column("measured", sa.String(), nullable=True),
        sa.Column("application", sa.String(), nullable=True),
        sa.Column("memristor_type", sa.String(), nullable=True),
        sa.Column("references", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("as_printed", sa.String(), nullable=True),
        sa.Column("erratum", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_test_protocols")),
    )
    op.create_table(
        "device_claim_references",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("reference_key", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["device_claims.id"], name=op.f("fk_device_claim_references_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["reference_key"],
            ["bibliography.key"],
            name=op.f("fk_device_claim_references_reference_key"),
        ),
        sa.PrimaryKeyConstraint(
            "claim_id", "reference_key", name=op.f("pk_device_claim_references")
        ),
    )


def downgrade() -> None:
    for table in (
        "device_claim_references",
        "test_protocols",
        "processing_techniques",
        "device_claims",
        "conduction_mechanisms",
        "benchmark_datasets",
        "array_challenges",
    ):
        op.drop_table(table)
