"""Where the stores of before 0.1.0 begin. New ones have the tables of the models (`upgrade`)."""

revision = "0017"
down_revision = None
branch_labels = None
depends_on = None
