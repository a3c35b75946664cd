"""What searches ask of structures: their elements and formulas; tolerance factors of compositions."""

from collections import Counter

import sqlalchemy as sa
from alembic import op

from pvkdb.chemistry.sum_formula import anonymous_formula, hill_formula, reduced_formula

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FORMULAS = ("formula_reduced", "formula_anonymous", "formula_hill")
INDEXED = ("formula_reduced", "formula_anonymous")
#: Structures converted at a time.
BATCH = 500


def upgrade() -> None:
    op.create_table(
        "structure_elements",
        sa.Column("structure_id", sa.String(), nullable=False),
        sa.Column("element", sa.String(), nullable=False),
        sa.Column("atoms", sa.Integer(), nullable=False),
        sa.Column("ratio", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["structure_id"], ["structures.id"], name=op.f("fk_structure_elements_structure_id")
        ),
        sa.PrimaryKeyConstraint("structure_id", "element", name=op.f("pk_structure_elements")),
    )
    op.create_index(
        "ix_structure_elements_element", "structure_elements", ["element", "structure_id"]
    )
    op.create_table(
        "tolerance_factors",
        sa.Column("composition_id", sa.Integer(), nullable=False),
        sa.Column("t", sa.Double(), nullable=False),
        sa.Column("mu", sa.Double(), nullable=False),
        sa.Column("tau", sa.Double(), nullable=True),
        sa.Column("p_perovskite", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["composition_id"],
            ["compositions.id"],
            name=op.f("fk_tolerance_factors_composition_id"),
        ),
        sa.PrimaryKeyConstraint("composition_id", name=op.f("pk_tolerance_factors")),
    )
    op.create_index(op.f("ix_tolerance_factors_tau"), "tolerance_factors", ["tau"])

    op.add_column("structures", sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("structures", sa.Column("nelements", sa.Integer(), nullable=True))
    for column in FORMULAS:
        op.add_column("structures", sa.Column(column, sa.String(), nullable=True))
    op.execute(
        "UPDATE structures SET recorded_at = (SELECT finished_at FROM calculations "
        "WHERE calculations.id = structures.calculation_id)"
    )
    _derive()
    with op.batch_alter_table("structures") as structures:
        structures.alter_column("nelements", existing_type=sa.Integer(), nullable=False)
        for column in FORMULAS:
            structures.alter_column(column, existing_type=sa.String(), nullable=False)
        for column in INDEXED:
            structures.create_index(op.f(f"ix_structures_{column}"), [column])


def downgrade() -> None:
    with op.batch_alter_table("structures") as structures:
        for column in INDEXED:
            structures.drop_index(op.f(f"ix_structures_{column}"))
        for column in ("recorded_at", "nelements", *FORMULAS):
            structures.drop_column(column)
    op.drop_table("tolerance_factors")
    op.drop_table("structure_elements")


def _derive() -> None:
    """Count the atoms of every structure that is there."""
    structures = sa.table(
        "structures",
        sa.column("id", sa.String()),
        sa.column("symbols", sa.JSON()),
        sa.column("nelements", sa.Integer()),
        *(sa.column(name, sa.String()) for name in FORMULAS),
    )
    elements = sa.table(
        "structure_elements",
        sa.column("structure_id", sa.String()),
        sa.column("element", sa.String()),
        sa.column("atoms", sa.Integer()),
        sa.column("ratio", sa.Double()),
    )
    change = (
        structures.update()
        .where(structures.c.id == sa.bindparam("of"))
        .values({name: sa.bindparam(name) for name in ("nelements", *FORMULAS)})
    )
    connection = op.get_bind()
    ids = connection.scalars(sa.select(structures.c.id)).all()
    for start in range(0, len(ids), BATCH):
        batch = sa.select(structures.c.id, structures.c.symbols).where(
            structures.c.id.in_(ids[start : start + BATCH])
        )
        counted = {key: Counter(symbols) for key, symbols in connection.execute(batch)}
        connection.execute(
            change,
            [
                {
                    "of": key,
                    "nelements": len(atoms),
                    "formula_reduced": reduced_formula(atoms),
                    "formula_anonymous": anonymous_formula(atoms),
                    "formula_hill": hill_formula(atoms),
                }
                for key, atoms in counted.items()
            ],
        )
        connection.execute(
            elements.insert(),
            [
                {
                    "structure_id": key,
                    "element": element,
                    "atoms": number,
                    "ratio": number / atoms.total(),
                }
                for key, atoms in counted.items()
                for element, number in atoms.items()
            ],
        )
