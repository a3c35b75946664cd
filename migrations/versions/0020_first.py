"""Where the oldest stores begin that are upgraded. New ones have the tables of the models."""

revision = "0020"
down_revision = None
branch_labels = None
depends_on = None
