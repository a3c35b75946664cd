"""What is known of each composition in one row; ``pvkdb upgrade`` fills it"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NUMBERS = (
    *("e_a_literature_min_ev", "e_a_literature_max_ev"),
    *("e_a_computed_min_ev", "e_a_computed_max_ev"),
    *("dfe_literature_min_ev", "dfe_literature_max_ev"),
    *("dfe_computed_min_ev", "dfe_computed_max_ev"),
    *("t", "mu", "tau", "p_perovskite"),
)
COUNTS = (
    *("devices_count", "energetics_reported_count"),
    *("energetics_computed_count", "structures_count"),
)
#: Columns by which lists are ordered or filtered.
ORDERED = (
    *("families", "kinds", "lowest_phase", "decomposition_ev_per_atom"),
    *("e_a_literature_min_ev", "e_a_computed_min_ev"),
    *("dfe_literature_min_ev", "dfe_computed_min_ev"),
    *("t", "mu", "tau", "p_perovskite", "phases_count", *COUNTS),
)


def upgrade() -> None:
    op.drop_index("ix_site_occupancies_ion", "site_occupancies")
    columns = ["ion", "composition_id", "site"]
    op.create_index("ix_site_occupancies_ion", "site_occupancies", columns)
    op.create_table(
        "composition_stabilities",
        _composition(),
        sa.Column("decomposition_ev_per_atom", sa.Double(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
    )
    op.create_table(
        "composition_summaries",
        _composition(),
        sa.Column("formula", sa.String(), nullable=False, unique=True),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("kinds", sa.Integer(), nullable=False),
        sa.Column("families", sa.String(), nullable=False),
        sa.Column("lead_free", sa.Boolean(), nullable=False),
        sa.Column("phases_count", sa.Integer(), nullable=False),
        sa.Column("lowest_phase", sa.String()),
        sa.Column("lowest_phase_potential", sa.String()),
        sa.Column("phases_compared", sa.Integer(), nullable=False),
        sa.Column("decomposition_ev_per_atom", sa.Double()),
        sa.Column("decomposition_source", sa.String()),
        *(sa.Column(name, sa.Double()) for name in NUMBERS),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
    )
    known = [sa.text("known DESC"), "formula"]
    op.create_index("ix_composition_summaries_known", "composition_summaries", known)
    for name in ORDERED:
        index = f"ix_composition_summaries_{name}"
        op.create_index(index, "composition_summaries", [name, "formula"])
    op.create_table(
        "composition_counts",
        sa.Column("families", sa.String(), primary_key=True),
        sa.Column("lead_free", sa.Boolean(), primary_key=True),
        sa.Column("lowest_phase", sa.String(), primary_key=True),
        sa.Column("kinds", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    op.drop_index("ix_site_occupancies_ion", "site_occupancies")
    op.create_index("ix_site_occupancies_ion", "site_occupancies", ["ion"])
    op.drop_table("composition_counts")
    op.drop_table("composition_summaries")
    op.drop_table("composition_stabilities")


def _composition() -> sa.Column[int]:
    key = sa.ForeignKey("compositions.id")
    return sa.Column("composition_id", sa.Integer(), key, primary_key=True)
