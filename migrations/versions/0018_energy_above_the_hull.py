"""Energies above the hull in place of energies of decomposition: the other name and sign"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rename("decomposition", "above_hull")


def downgrade() -> None:
    _rename("above_hull", "decomposition")


def _rename(old: str, new: str) -> None:
    summaries, energy = "composition_summaries", f"{new}_ev_per_atom"
    op.drop_index(f"ix_{summaries}_{old}_ev_per_atom", summaries)
    for table in ("composition_stabilities", summaries):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old}_ev_per_atom TO {energy}")
        op.execute(f"UPDATE {table} SET {energy} = -{energy}")
    op.execute(f"ALTER TABLE {summaries} RENAME COLUMN {old}_source TO {new}_source")
    op.create_index(f"ix_{summaries}_{energy}", summaries, [energy, "formula"])
