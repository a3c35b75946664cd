"""Metrics of devices are columns of their table alone, which repeated those of device_metrics"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_INTERVALS = ("v_set", "v_reset")


def upgrade() -> None:
    op.drop_table("device_metrics")
    with op.batch_alter_table("devices") as devices:
        for name in _INTERVALS:
            ends = f"{name}_min_v <= {name}_max_v"
            devices.create_check_constraint(op.f(f"ck_devices_{name}"), ends)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("devices", recreate="always"):
            pass  # a copy has no checks
    else:
        for name in _INTERVALS:
            op.drop_constraint(op.f(f"ck_devices_{name}"), "devices", type_="check")
    op.create_table(
        "device_metrics",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("device_id", sa.String(), sa.ForeignKey("devices.id"), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value_min", sa.Float(), nullable=False),
        sa.Column("value_max", sa.Float(), nullable=False),
        sa.Column("qualifier", sa.String()),
    )
