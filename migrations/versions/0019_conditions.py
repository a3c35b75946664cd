"""Conditions of devices: thickness, area, pulses, sweeps, surroundings, what ended a test"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NUMBERS = (
    "thickness_nm area_um2 sweep_rate_v_per_s pulse_width_s pulse_voltage_v compliance_a "
    "read_voltage_v temperature_k humidity_percent"
)
WORDS = "atmosphere endurance_counted endurance_end retention_end conditions_source"


def upgrade() -> None:
    for names, kind in ((NUMBERS, sa.Double()), (WORDS, sa.String())):
        for name in names.split():
            op.add_column("devices", sa.Column(name, kind))
    # Conditions tell devices apart: the next import makes the fingerprints again.
    op.execute("UPDATE devices SET fingerprint = NULL")


def downgrade() -> None:
    op.execute("UPDATE devices SET fingerprint = NULL")
    for name in f"{NUMBERS} {WORDS}".split():
        op.drop_column("devices", name)
