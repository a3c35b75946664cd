"""Energies above the hull in place of energies of decomposition: the other name and sign"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OLD, NEW = ("decomposition_ev_per_atom", "above_hull_ev_per_atom")
SUMMARIES = "composition_summaries"


def upgrade() -> None:
    _rename(OLD, NEW)
    op.execute(f"ALTER TABLE {SUMMARIES} RENAME COLUMN decomposition_source TO above_hull_source")


def downgrade() -> None:
    _rename(NEW, OLD)
    op.execute(f"ALTER TABLE {SUMMARIES} RENAME COLUMN above_hull_source TO decomposition_source")


def _rename(old: str, new: str) -> None:
    op.drop_index(f"ix_{SUMMARIES}_{old}", SUMMARIES)
    for table in ("composition_stabilities", SUMMARIES):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
        op.execute(f"UPDATE {table} SET {new} = -{new}")
    op.create_index(f"ix_{SUMMARIES}_{new}", SUMMARIES, [new, "formula"])
