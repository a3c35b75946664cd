"""Formation energies of a potential have the scope ``computed``, no longer ``reported``"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BEFORE = ("reported", "hop", "percolation")
SCOPES = ("reported", "hop", "percolation", "computed")


def upgrade() -> None:
    _allow(SCOPES)
    op.execute(
        "UPDATE energetics SET scope = 'computed' "
        "WHERE scope = 'reported' AND calculation_id IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("UPDATE energetics SET scope = 'reported' WHERE scope = 'computed'")
    _allow(BEFORE)


def _allow(scopes: tuple[str, ...]) -> None:
    with op.batch_alter_table("energetics") as energetics:
        energetics.drop_constraint(op.f("ck_energetics_scope"), type_="check")
        energetics.create_check_constraint(op.f("ck_energetics_scope"), f"scope IN {scopes!r}")
