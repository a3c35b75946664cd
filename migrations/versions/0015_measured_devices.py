"""Devices know the raw files that their values were measured from, and how well"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("devices", sa.Column("raw_files", sa.String(), nullable=True))
    op.add_column("devices", sa.Column("quality", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("devices", "quality")
    op.drop_column("devices", "raw_files")
