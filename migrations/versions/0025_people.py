"""People, to whom keys belong and whose ids say who imported, decided and confirmed what"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_PEOPLE = {
    "api_keys": ("person_id",),
    "dataset_versions": ("imported_by", "confirmed_by"),
    "draft_decisions": ("person_id",),
}


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.UniqueConstraint("label", name="uq_people_label"),
    )
    for name, columns in _PEOPLE.items():
        with op.batch_alter_table(name) as table:
            for column in columns:
                table.add_column(sa.Column(column, sa.Integer()))
                key = op.f(f"fk_{name}_{column}")
                table.create_foreign_key(key, "people", [column], ["id"])
    _fill(op.get_bind())
    with op.batch_alter_table("api_keys") as keys:
        keys.alter_column("person_id", existing_type=sa.Integer(), nullable=False)


def _fill(connection: sa.Connection) -> None:
    people: dict[str, int] = {}

    def person(name: str) -> int:
        folded = unicodedata.normalize("NFKC", name).casefold()
        label = " ".join(unicodedata.normalize("NFKC", folded).split())
        if label not in people:
            people[label] = len(people) + 1
            values = {"id": people[label], "name": " ".join(name.split()), "label": label}
            connection.execute(
                sa.text("INSERT INTO people (id, name, label) VALUES (:id, :name, :label)"), values
            )
        return people[label]

    def note(table: str, column: str, key: str, row: object, who: int) -> None:
        statement = f"UPDATE {table} SET {column} = :who WHERE {key} = :row"
        connection.execute(sa.text(statement), {"who": who, "row": row})

    owners = {}
    keys = "SELECT id, name FROM api_keys ORDER BY created_at, id"
    for key, name in connection.execute(sa.text(keys)).all():
        owners[key] = person(name)
        note("api_keys", "person_id", "id", key, owners[key])
    log = "SELECT action, subject, caller, key_id FROM audit_log WHERE action IN (:one, :two)"
    actions = {"one": "import papers", "two": "review import"}
    for action, version, caller, key in connection.execute(sa.text(log), actions).all():
        column = "imported_by" if action == "import papers" else "confirmed_by"
        note("dataset_versions", column, "version", version, owners.get(key) or person(caller))
    # Nobody is named for imports of the command line: who confirmed them stands for them alone.
    connection.execute(
        sa.text("UPDATE dataset_versions SET imported_by = confirmed_by WHERE imported_by IS NULL")
    )
    decisions = "SELECT DISTINCT caller FROM draft_decisions"
    for (caller,) in connection.execute(sa.text(decisions)).all():
        named = re.match(r"key ([0-9a-f]{8}) \(", caller)
        who = owners.get(named[1]) if named else None
        note("draft_decisions", "person_id", "caller", caller, who or person(caller))
    if connection.dialect.name == "postgresql":
        numbered = "SELECT setval('people_id_seq', max(id)) FROM people HAVING max(id) > 0"
        connection.execute(sa.text(numbered))


def downgrade() -> None:
    for name, columns in _PEOPLE.items():
        with op.batch_alter_table(name) as table:
            for column in columns:
                table.drop_constraint(op.f(f"fk_{name}_{column}"), type_="foreignkey")
                table.drop_column(column)
    op.drop_table("people")
