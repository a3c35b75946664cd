"""Searches of compositions are ordinary queries: no parts of formulas, an index for each order"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_SUMMARIES = "composition_summaries"
_ENERGIES = (
    "e_a_literature_min_ev",
    "e_a_computed_min_ev",
    "dfe_literature_min_ev",
    "dfe_computed_min_ev",
)


def _index_energies(*others: str) -> None:
    for name in _ENERGIES:
        op.drop_index(f"ix_{_SUMMARIES}_{name}", _SUMMARIES)
        op.create_index(f"ix_{_SUMMARIES}_{name}", _SUMMARIES, [name, "formula", *others])


def upgrade() -> None:
    op.drop_table("formula_parts")
    op.drop_index(f"ix_{_SUMMARIES}_kinds", _SUMMARIES)
    _index_energies()


def downgrade() -> None:
    op.create_table(
        "formula_parts",
        sa.Column("part", sa.String(), primary_key=True),
        sa.Column("composition_id", sa.Integer(), primary_key=True, autoincrement=False),
    )
    op.create_index(f"ix_{_SUMMARIES}_kinds", _SUMMARIES, ["kinds", "formula"])
    _index_energies("composition_id")
