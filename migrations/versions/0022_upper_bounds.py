"""A barrier is an upper bound in its statement, too, where a hop that failed might be easier"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_CHOSEN = "scope = 'percolation' AND conditions LIKE '%; a hop that failed might be easier%'"


def upgrade() -> None:
    op.execute(f"UPDATE energetics SET value_min_ev = NULL, bound = 'upper' WHERE {_CHOSEN}")


def downgrade() -> None:
    op.execute(f"UPDATE energetics SET value_min_ev = value_max_ev, bound = NULL WHERE {_CHOSEN}")
