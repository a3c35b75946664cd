"""Calculations and screenings know the release of computed results that they came with"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("calculations", "screening_runs")


def upgrade() -> None:
    for table in TABLES:
        # A constraint within the column: the one way of adding a foreign key that both know.
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN recorded_in VARCHAR "
            f"CONSTRAINT fk_{table}_recorded_in REFERENCES dataset_versions (version)"
        )
        op.create_index(op.f(f"ix_{table}_recorded_in"), table, ["recorded_in"])


def downgrade() -> None:
    # SQLite reports neither the order of an index nor the name of a constraint within a column.
    op.drop_index("ix_calculations_claim", "calculations")
    op.drop_index("ix_screening_runs_under_way", "screening_runs")
    names = {"fk": "fk_%(table_name)s_%(column_0_name)s"}
    for table in TABLES:
        op.drop_index(op.f(f"ix_{table}_recorded_in"), table)
        with op.batch_alter_table(table, naming_convention=names) as changed:
            changed.drop_constraint(op.f(f"fk_{table}_recorded_in"), type_="foreignkey")
            changed.drop_column("recorded_in")
    op.create_index(
        "ix_calculations_claim",
        "calculations",
        ["state", sa.text("priority DESC"), "created_at", "id"],
    )
    under_way = sa.text("scheduled AND state = 'running'")
    op.create_index(
        "ix_screening_runs_under_way",
        "screening_runs",
        ["plan"],
        unique=True,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )
