"""Corrections of cells beside the errata"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TEXTS = ("row_key", "column_name", "value", "source", "why")


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in TEXTS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        sa.UniqueConstraint(
            "row_key", "column_name", name=op.f("uq_corrections_row_key_column_name")
        ),
    )


def downgrade() -> None:
    op.drop_table("corrections")
