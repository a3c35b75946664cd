"""Index of what lists of devices count: mechanisms and volatility"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEX = "ix_devices_mechanism"


def upgrade() -> None:
    op.create_index(INDEX, "devices", ["mechanism", "volatility", "id"])


def downgrade() -> None:
    op.drop_index(INDEX, "devices")
