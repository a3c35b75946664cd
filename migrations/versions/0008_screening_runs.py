"""Runs of screenings with their reports, and since when a schedule knows a plan"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATES = ("running", "done", "failed", "interrupted")
UNDER_WAY = sa.text("scheduled AND state = 'running'")


def upgrade() -> None:
    op.create_table(
        "screening_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("fire_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scheduled", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=True),
        sa.Column("differences", sa.JSON(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("webhook", sa.String(), nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(f"state IN {STATES!r}", name=op.f("ck_screening_runs_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_runs")),
        sa.UniqueConstraint("plan", "fire_time", name="uq_screening_runs_plan_fire_time"),
    )
    op.create_index(
        "ix_screening_runs_under_way",
        "screening_runs",
        ["plan"],
        unique=True,
        sqlite_where=UNDER_WAY,
        postgresql_where=UNDER_WAY,
    )
    op.create_table(
        "screening_schedules",
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("expression", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plan", name=op.f("pk_screening_schedules")),
    )


def downgrade() -> None:
    op.drop_table("screening_schedules")
    op.drop_index("ix_screening_runs_under_way", "screening_runs")
    op.drop_table("screening_runs")
