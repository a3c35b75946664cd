"""Metrics as columns of devices, and indexes that searches over large tables read alone."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

#: Column, its type, and the metric and the column of it that it repeats.
COLUMNS = (
    ("on_off_ratio", sa.Double(), "on_off_ratio", "value_min"),
    ("on_off_qualifier", sa.String(), "on_off_ratio", "qualifier"),
    ("v_set_min_v", sa.Double(), "v_set_v", "value_min"),
    ("v_set_max_v", sa.Double(), "v_set_v", "value_max"),
    ("v_reset_min_v", sa.Double(), "v_reset_v", "value_min"),
    ("v_reset_max_v", sa.Double(), "v_reset_v", "value_max"),
    ("v_qualifier", sa.String(), "v_set_v", "qualifier"),
    ("endurance_cycles", sa.Double(), "endurance_cycles", "value_min"),
    ("retention_s", sa.Double(), "retention_s", "value_min"),
    ("retention_qualifier", sa.String(), "retention_s", "qualifier"),
    ("stability_days", sa.Double(), "stability_days", "value_min"),
    ("stability_qualifier", sa.String(), "stability_days", "qualifier"),
)

INDEXES = {
    "ix_devices_material": (
        "devices",
        ["material_id", "retention_s", "retention_qualifier", "on_off_ratio", "id"],
    ),
    "ix_energetics_material": (
        "energetics",
        ["material_id", "quantity", "value_min_ev", "value_max_ev", "id"],
    ),
    "ix_devices_retention": (
        "devices",
        ["retention_s", "material_id", "retention_qualifier", "on_off_ratio", "id"],
    ),
    "ix_devices_on_off": (
        "devices",
        ["on_off_ratio", "material_id", "on_off_qualifier", "retention_s", "id"],
    ),
    "ix_devices_absorber": ("devices", ["absorber"]),
    "ix_devices_endurance": ("devices", ["endurance_cycles", "material_id", "id"]),
    "ix_energetics_value": (
        "energetics",
        ["quantity", "value_min_ev", "value_max_ev", "material_id", "id"],
    ),
}


#: Indexes that are the beginning of one of the new ones.
REPLACED = {
    "ix_devices_material_id": ("devices", ["material_id"]),
    "ix_energetics_material_id": ("energetics", ["material_id"]),
    "ix_energetics_quantity": ("energetics", ["quantity"]),
}


def upgrade() -> None:
    for name, kind, _, _ in COLUMNS:
        op.add_column("devices", sa.Column(name, kind, nullable=True))
    for name, _, metric, value in COLUMNS:
        op.execute(_repeat(name, metric, value, "1 = 1"))
    op.execute(_repeat("v_qualifier", "v_reset_v", "qualifier", "v_qualifier IS NULL"))
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)
    for name, (table, _) in REPLACED.items():
        op.drop_index(name, table)


def downgrade() -> None:
    for name, (table, columns) in REPLACED.items():
        op.create_index(name, table, columns)
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
    with op.batch_alter_table("devices") as devices:
        for name, *_ in COLUMNS:
            devices.drop_column(name)


def _repeat(name: str, metric: str, value: str, where: str) -> str:
    return (
        f"UPDATE devices SET {name} = (SELECT m.{value} FROM device_metrics AS m "
        f"WHERE m.device_id = devices.id AND m.metric = '{metric}') WHERE {where}"
    )
