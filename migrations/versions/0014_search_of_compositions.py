"""Indexes of what searches of compositions read; ``pvkdb upgrade`` fills the parts of formulas"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KNOWN = ("ix_composition_summaries_known", "composition_summaries")
ORDER = (sa.text("known DESC"), "formula")
READ = (
    *("composition_id", "kinds", "families", "lead_free"),
    *("lowest_phase", "t", "mu", "tau", "p_perovskite", "decomposition_ev_per_atom"),
    *("e_a_literature_min_ev", "e_a_literature_max_ev"),
    *("e_a_computed_min_ev", "e_a_computed_max_ev"),
    *("dfe_literature_min_ev", "dfe_literature_max_ev"),
    *("dfe_computed_min_ev", "dfe_computed_max_ev"),
)


ENERGIES = (
    *("e_a_literature_min_ev", "e_a_computed_min_ev"),
    *("dfe_literature_min_ev", "dfe_computed_min_ev"),
)
COUNTED = "families, lead_free, lowest_phase, kinds"


def upgrade() -> None:
    _replace_counts(sa.Column("ion", sa.String(), primary_key=True))
    _replace_indexes([*ORDER, *READ], "composition_id")
    for name in ("phase", "dimensionality"):
        op.create_index(f"ix_materials_{name}", "materials", [name, "composition_id"])
    text = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.create_table(
        "formula_parts",
        sa.Column("part", text, primary_key=True),
        sa.Column("composition_id", sa.Integer(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    _replace_counts()
    op.drop_table("formula_parts")
    for name in ("phase", "dimensionality"):
        op.drop_index(f"ix_materials_{name}", "materials")
    _replace_indexes([*ORDER])


def _replace_counts(*ion: sa.Column[str]) -> None:
    """Make the table anew, with the numbers of all compositions."""
    kept = "" if ion else "WHERE ion = ''"
    op.execute(
        f"CREATE TEMPORARY TABLE kept AS SELECT {COUNTED}, number FROM composition_counts {kept}"
    )
    op.drop_table("composition_counts")
    op.create_table(
        "composition_counts",
        *ion,
        sa.Column("families", sa.String(), primary_key=True),
        sa.Column("lead_free", sa.Boolean(), primary_key=True),
        sa.Column("lowest_phase", sa.String(), primary_key=True),
        sa.Column("kinds", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer(), nullable=False),
    )
    given, empty = f"{COUNTED}, number", "'', "
    op.execute(
        f"INSERT INTO composition_counts ({'ion, ' * len(ion)}{given}) "
        f"SELECT {empty * len(ion)}{given} FROM kept"
    )
    op.execute("DROP TABLE kept")


def _replace_indexes(known: list[Any], *ids: str) -> None:
    op.drop_index(*KNOWN)
    op.create_index(*KNOWN, known)
    for name in ENERGIES:
        index = (f"ix_composition_summaries_{name}", "composition_summaries")
        op.drop_index(*index)
        op.create_index(*index, [name, "formula", *ids])
