"""A person is one person in every spelling, and confirms nothing of what is his."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import AccessError, InputError, StateError
from pvkdb.literature.importing import import_files
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.curation.dataset import confirm_import, note_importer
from pvkdb.store.curation.people import label_of, person_named
from pvkdb.store.database import Store
from pvkdb.store.migrate import migrating, upgrade
from pvkdb.store.models.references import DatasetVersion
from pvkdb.store.security.keys import create_key, list_keys, revoke_key

PAPER = """
reference: {authors: [P. Erson], title: One, journal: J. One, year: 2026}
energetics:
  - {material: CsPbBr3, defect: V_Br, quantity: E_A, value: 0.3 eV, method: DFT, source: p. 1}
"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "ada"),
        ("Ada", "Ada "),
        ("E. Ott", "E.\u00a0Ott"),
        ("E. Ott", "  e.   ott"),
        ("J. Müller", unicodedata.normalize("NFD", "J. Müller")),
        ("Ada", "Ada"),
        ("Straße", "STRASSE"),
    ],
)
def test_spellings_of_a_name_are_one_person(empty_store: Store, one: str, other: str) -> None:
    with empty_store.session() as session:
        assert person_named(session, one).id == person_named(session, other).id
        keys = [create_key(session, each, ["import"]) for each in (one, other)]
        assert len({key.person for key in keys}) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("\u0410da", "scripts Cyrillic, Latin"),
        ("\u0410\u0441\u0430", "look like Latin"),
        ("\u039f\u03a4\u03a4\u039f", "look like Latin"),
        ("Ada\u034f", "GRAPHEME JOINER"),
        ("E\u2010Ott", "HYPHEN"),
        ("Ada\u3164", "mixes the scripts"),
        ("Ad\u200ba", "printable"),
        ("Ada\n", "printable"),
        ("   ", "printable"),
    ],
)
def test_names_that_look_like_others_are_refused(name: str, reason: str) -> None:
    if name == "Ada\n":
        assert label_of(name) == "ada"  # the line feed of a pipe is a blank at the end
        return
    with pytest.raises(InputError, match=reason):
        label_of(name)


def test_names_of_other_scripts_are_names() -> None:
    assert [
        label_of(each) for each in ("Владимир", "田中 さくら", "김민준", "अनिल", "O'Hara 2")
    ] == [*("владимир", "田中 さくら", "김민준", "अनिल", "o'hara 2")]


@pytest.fixture
def version(empty_store: Store, tmp_path: Path) -> str:
    path = tmp_path / "one.yaml"
    path.write_text(PAPER, encoding="utf-8")
    with empty_store.session() as session:
        return import_files(session, [path]).dataset_version


def review_of(session: Session) -> str | None:
    (row,) = ENERGETICS.iterate(session, {})
    return row.review


def test_who_imported_confirms_only_where_nobody_else_can(empty_store: Store, version: str) -> None:
    with empty_store.session() as session:
        note_importer(session, version, "Ada")
        create_key(session, "reader", ["read"])
        bob = create_key(session, "laptop", ["import"], person="Bob")
        for own in ("Ada", "ada ", "ADA"):
            with pytest.raises(AccessError, match=r"Ada has imported .*e\.g\. Bob"):
                confirm_import(session, version, own)
        assert review_of(session) == "unreviewed"
        revoke_key(session, bob.id)
        confirm_import(session, version, "Ada ")
        session.flush()
        assert review_of(session) == "self-confirmed"
        with pytest.raises(StateError, match="confirmed already, by Ada"):
            confirm_import(session, version, "Ada")
        confirm_import(session, version, "Cem")
        session.flush()
        assert review_of(session) is None


def test_an_import_without_a_name_is_self_confirmed_until_a_second_person_confirms(
    empty_store: Store, version: str
) -> None:
    states = []
    with empty_store.session() as session:
        for name in ("Ada", "Bob"):
            confirm_import(session, version, name)
            session.flush()
            states.append(review_of(session))
    assert states == ["self-confirmed", None]


def test_the_key_says_who_acts_whatever_the_name(empty_store: Store, version: str) -> None:
    with empty_store.session() as session:
        keys = [create_key(session, each, ["import"], person="Ada") for each in ("one", "two")]
        other = create_key(session, "Bob", ["import"])
        session.info["pvkdb_caller"] = {"key_id": keys[0].id}
        note_importer(session, version, "Somebody")
        session.info["pvkdb_caller"] = {"key_id": keys[1].id}
        with pytest.raises(AccessError, match="Ada has imported"):
            confirm_import(session, version, "Bob")
        session.info["pvkdb_caller"] = {"key_id": other.id}
        confirm_import(session, version, "Ada")
        session.flush()
        assert review_of(session) is None


def test_an_older_store_gets_the_people_of_its_keys_and_names(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/older.sqlite")
    upgrade(store)
    with migrating(store) as config:
        command.downgrade(config, "0024")
    key = "INSERT INTO api_keys (id, name, digest, scopes, created_at) VALUES "
    version = "INSERT INTO dataset_versions (version, loaded_at, description) VALUES "
    log = "INSERT INTO audit_log (at, action, subject, caller, key_id) VALUES "
    with store.engine.begin() as connection:
        for statement in (
            f"{key}('aaaaaaaa', 'Ada', 'x', 'import', '2026-01-01')",
            f"{key}('bbbbbbbb', 'ada ', 'x', 'import', '2026-01-02')",
            f"{version}('v1', '2026-01-01', 'import of a'), ('v2', '2026-01-02', 'import of b')",
            f"{version}('v3', '2026-01-03', 'import of c')",
            f"{log}('2026-01-01', 'import papers', 'v1', 'key aaaaaaaa (Ada)', 'aaaaaaaa')",
            f"{log}('2026-01-01', 'review import', 'v1', 'key bbbbbbbb (ada )', 'bbbbbbbb')",
            f"{log}('2026-01-01', 'review import', 'v2', 'Bob', NULL)",
        ):
            connection.exec_driver_sql(statement)
    upgrade(store)
    with store.session() as session:
        ada, bob = (person_named(session, each).id for each in ("Ada", "Bob"))
        found = session.execute(
            select(DatasetVersion.version, DatasetVersion.imported_by, DatasetVersion.confirmed_by)
        )
        assert {tuple(each) for each in found} == {
            *(("v1", ada, ada), ("v2", bob, bob), ("v3", None, None))
        }
        assert {each.person for each in list_keys(session)} == {"Ada"}
