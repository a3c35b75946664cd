"""The ledger: dependencies, cancelling, a log and files of calculations"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OLD_STATES = ("queued", "running", "done", "failed", "cancelled")
STATES = ("waiting", *OLD_STATES)


def upgrade() -> None:
    with op.batch_alter_table("calculations") as calculations:
        calculations.drop_index("ix_calculations_queue")
        calculations.add_column(
            sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True)
        )
        calculations.add_column(sa.Column("progress", sa.JSON(), nullable=True))
        calculations.drop_constraint(op.f("ck_calculations_state"), type_="check")
        calculations.create_check_constraint(op.f("ck_calculations_state"), f"state IN {STATES!r}")
    op.create_index(
        "ix_calculations_claim",
        "calculations",
        ["state", sa.text("priority DESC"), "created_at", "id"],
    )
    op.create_table(
        "calculation_dependencies",
        sa.Column("calculation_id", sa.String(), nullable=False),
        sa.Column("depends_on_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calculation_id"],
            ["calculations.id"],
            name=op.f("fk_calculation_dependencies_calculation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["depends_on_id"],
            ["calculations.id"],
            name=op.f("fk_calculation_dependencies_depends_on_id"),
        ),
        sa.PrimaryKeyConstraint(
            "calculation_id", "depends_on_id", name=op.f("pk_calculation_dependencies")
        ),
    )
    op.create_index(
        op.f("ix_calculation_dependencies_depends_on_id"),
        "calculation_dependencies",
        ["depends_on_id"],
    )
    op.create_table(
        "calculation_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("calculation_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["calculation_id"],
            ["calculations.id"],
            name=op.f("fk_calculation_events_calculation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calculation_events")),
    )
    op.create_index(
        op.f("ix_calculation_events_calculation_id"), "calculation_events", ["calculation_id"]
    )
    op.create_table(
        "calculation_files",
        sa.Column("calculation_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calculation_id"],
            ["calculations.id"],
            name=op.f("fk_calculation_files_calculation_id"),
        ),
        sa.PrimaryKeyConstraint("calculation_id", "name", name=op.f("pk_calculation_files")),
    )
    op.create_index(op.f("ix_calculation_files_sha256"), "calculation_files", ["sha256"])


def downgrade() -> None:
    # The older schema has no word for waiting: such work, asked for again, waits in the queue.
    op.execute("UPDATE calculations SET state = 'cancelled' WHERE state = 'waiting'")
    op.execute(
        "UPDATE calculations SET failure_kind = 'crashed' WHERE failure_kind = 'dependency failed'"
    )
    op.drop_table("calculation_files")
    op.drop_table("calculation_events")
    op.drop_table("calculation_dependencies")
    op.drop_index("ix_calculations_claim", "calculations")
    with op.batch_alter_table("calculations") as calculations:
        calculations.drop_constraint(op.f("ck_calculations_state"), type_="check")
        calculations.create_check_constraint(
            op.f("ck_calculations_state"), f"state IN {OLD_STATES!r}"
        )
        calculations.drop_column("progress")
        calculations.drop_column("cancel_requested_at")
        calculations.create_index("ix_calculations_queue", ["state", "priority", "created_at"])
