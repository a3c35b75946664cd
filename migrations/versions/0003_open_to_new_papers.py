"""Open to new papers: versions of rows, nominal compositions, families of materials"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Tables whose rows say which version of the data brought them.
VERSIONED = ("bibliography", "device_claims", "devices", "energetics")
FINGERPRINTED = ("devices", "energetics")

OLD_ROLES = (
    "substrate",
    "adhesion",
    "bottom_electrode",
    "transport",
    "buffer",
    "absorber",
    "top_electrode",
)
ROLES = (*OLD_ROLES[:5], "interlayer", *OLD_ROLES[5:])


def upgrade() -> None:
    op.add_column("dataset_versions", sa.Column("description", sa.String(), nullable=True))
    for table in VERSIONED:
        # A constraint within the column: the one way of adding a foreign key that both know.
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN recorded_in VARCHAR "
            f"CONSTRAINT fk_{table}_recorded_in REFERENCES dataset_versions (version)"
        )
    for table in FINGERPRINTED:
        op.add_column(table, sa.Column("fingerprint", sa.String(), nullable=True))
        op.create_index(op.f(f"ix_{table}_fingerprint"), table, ["fingerprint"])
    op.create_index(op.f("ix_bibliography_doi"), "bibliography", ["doi"])
    op.add_column("devices", sa.Column("text_source", sa.String(), nullable=True))
    with op.batch_alter_table("device_layers") as layers:
        layers.drop_constraint(op.f("ck_device_layers_role"), type_="check")
        layers.create_check_constraint(op.f("ck_device_layers_role"), f"role IN {ROLES!r}")

    op.add_column("device_claims", sa.Column("supersedes_id", sa.String(), nullable=True))
    with op.batch_alter_table("device_claims") as claims:
        claims.drop_constraint(op.f("uq_device_claims_position"), type_="unique")
        claims.create_index(op.f("ix_device_claims_position"), ["position"])
        claims.create_unique_constraint(op.f("uq_device_claims_supersedes_id"), ["supersedes_id"])
        claims.create_foreign_key(
            op.f("fk_device_claims_supersedes_id"), "device_claims", ["supersedes_id"], ["id"]
        )

    op.add_column("materials", sa.Column("family", sa.String(), nullable=True))
    op.add_column("materials", sa.Column("dimensionality", sa.Integer(), nullable=True))
    for column in ("family", "dimensionality"):
        op.execute(
            f"UPDATE materials SET {column} = (SELECT {column} FROM compositions "
            "WHERE compositions.id = materials.composition_id)"
        )
    with op.batch_alter_table("materials") as materials:
        materials.alter_column("family", existing_type=sa.String(), nullable=False)
        materials.create_index(op.f("ix_materials_family"), ["family"])
    with op.batch_alter_table("compositions") as compositions:
        compositions.add_column(sa.Column("excess_charge", sa.String(), nullable=True))
        compositions.drop_index(op.f("ix_compositions_family"))
        compositions.drop_column("family")
        compositions.drop_column("dimensionality")
    op.add_column("site_occupancies", sa.Column("amount_symbolic", sa.String(), nullable=True))
    with op.batch_alter_table("site_occupancies") as occupancies:
        occupancies.alter_column("amount", existing_type=sa.Double(), nullable=True)
        occupancies.create_check_constraint(
            op.f("ck_site_occupancies_one_amount"),
            "amount IS NULL OR amount_symbolic IS NULL",
        )

    op.add_column(
        "application_requirements",
        sa.Column("basis", sa.String(), nullable=False, server_default="printed"),
    )
    op.add_column("application_requirements", sa.Column("upper_limit", sa.Boolean()))
    with op.batch_alter_table("application_requirements") as requirements:
        requirements.alter_column("basis", existing_type=sa.String(), server_default=None)
        requirements.create_check_constraint(
            op.f("ck_application_requirements_basis"),
            "basis IN ('printed', 'reading', 'working point', 'offer')",
        )


def downgrade() -> None:
    with op.batch_alter_table("application_requirements") as requirements:
        requirements.drop_constraint(op.f("ck_application_requirements_basis"), type_="check")
        requirements.drop_column("upper_limit")
        requirements.drop_column("basis")

    # Compositions with symbols have no place in the older schema; nor has what refers to them.
    symbolic = "SELECT composition_id FROM site_occupancies WHERE amount IS NULL"
    materials_of = f"SELECT id FROM materials WHERE composition_id IN ({symbolic})"
    op.execute(
        "DELETE FROM energetic_references WHERE energetic_id IN "
        f"(SELECT id FROM energetics WHERE material_id IN ({materials_of}))"
    )
    op.execute(f"DELETE FROM energetics WHERE material_id IN ({materials_of})")
    op.execute(f"UPDATE devices SET material_id = NULL WHERE material_id IN ({materials_of})")
    op.execute(f"DELETE FROM materials WHERE composition_id IN ({symbolic})")
    op.execute(
        "DELETE FROM site_occupancies WHERE composition_id IN "
        f"(SELECT composition_id FROM ({symbolic}) AS symbolic)"
    )
    op.execute(
        "DELETE FROM compositions WHERE id NOT IN (SELECT composition_id FROM site_occupancies)"
    )
    with op.batch_alter_table("site_occupancies") as occupancies:
        occupancies.drop_constraint(op.f("ck_site_occupancies_one_amount"), type_="check")
        occupancies.drop_column("amount_symbolic")
        occupancies.alter_column("amount", existing_type=sa.Double(), nullable=False)
    op.add_column("compositions", sa.Column("family", sa.String(), nullable=True))
    op.add_column("compositions", sa.Column("dimensionality", sa.Integer(), nullable=True))
    for column in ("family", "dimensionality"):
        op.execute(
            f"UPDATE compositions SET {column} = (SELECT min({column}) FROM materials "
            "WHERE materials.composition_id = compositions.id)"
        )
    op.execute("UPDATE compositions SET family = 'other' WHERE family IS NULL")
    with op.batch_alter_table("compositions") as compositions:
        compositions.alter_column("family", existing_type=sa.String(), nullable=False)
        compositions.create_index(op.f("ix_compositions_family"), ["family"])
        compositions.drop_column("excess_charge")
    with op.batch_alter_table("materials") as materials:
        materials.drop_index(op.f("ix_materials_family"))
        materials.drop_column("family")
        materials.drop_column("dimensionality")

    # What has been superseded has no place in the older schema's claims.
    superseded = "SELECT supersedes_id FROM device_claims WHERE supersedes_id IS NOT NULL"
    op.execute(f"DELETE FROM device_claim_references WHERE claim_id IN ({superseded})")
    op.execute(
        "DELETE FROM device_claims WHERE id IN "
        f"(SELECT supersedes_id FROM ({superseded}) AS superseded)"
    )
    with op.batch_alter_table("device_claims") as claims:
        claims.drop_constraint(op.f("fk_device_claims_supersedes_id"), type_="foreignkey")
        claims.drop_constraint(op.f("uq_device_claims_supersedes_id"), type_="unique")
        claims.drop_index(op.f("ix_device_claims_position"))
        claims.create_unique_constraint(op.f("uq_device_claims_position"), ["position"])
        claims.drop_column("supersedes_id")

    op.execute("UPDATE device_layers SET role = 'transport' WHERE role = 'interlayer'")
    with op.batch_alter_table("device_layers") as layers:
        layers.drop_constraint(op.f("ck_device_layers_role"), type_="check")
        layers.create_check_constraint(op.f("ck_device_layers_role"), f"role IN {OLD_ROLES!r}")
    op.drop_column("devices", "text_source")
    op.drop_index(op.f("ix_bibliography_doi"), "bibliography")
    for table in FINGERPRINTED:
        op.drop_index(op.f(f"ix_{table}_fingerprint"), table)
        op.drop_column(table, "fingerprint")
    for table in VERSIONED:
        # SQLite does not report the name of a constraint within a column.
        names = {"fk": "fk_%(table_name)s_%(column_0_name)s"}
        with op.batch_alter_table(table, naming_convention=names) as changed:
            changed.drop_constraint(op.f(f"fk_{table}_recorded_in"), type_="foreignkey")
            changed.drop_column("recorded_in")
    op.drop_column("dataset_versions", "description")
