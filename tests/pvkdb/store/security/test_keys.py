"""Keys: only digests are stored, and what is wrong takes as long as what is right."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest
from sqlalchemy import text

from pvkdb.errors import InputError, NotFoundError
from pvkdb.schemas.access import Scope
from pvkdb.store.database import Store
from pvkdb.store.models.access import ApiKey
from pvkdb.store.security import keys
from pvkdb.store.security.keys import KeyRefusedError, authenticate, create_key, revoke_key


def test_a_key_is_known_again_and_nowhere_stored(empty_store: Store) -> None:
    with empty_store.session() as session:
        made = create_key(session, "Ada", ["queue", "read"], expires_days=30)
        plain = create_key(session, "Bob", ["read"])
    with empty_store.session(read_only=True) as session:
        assert authenticate(session, made.key).name == "Ada"
        assert authenticate(session, made.key).scopes == [Scope.READ, Scope.QUEUE]
        assert [key.id for key in keys.list_keys(session)] == [made.id, plain.id]
        row = session.execute(text("SELECT * FROM api_keys WHERE name = 'Ada'")).one()
        secret = made.key.split("_", 2)[2]
        assert secret not in str(row)
        assert sha256(made.key.encode()).hexdigest() in row
    assert made.key != plain.key
    assert len(secret) == 43  # 256 bits in base 64


def test_whether_a_key_holds_is_decided_in_constant_time_alone(empty_store, monkeypatch):
    """The verdict of hmac.compare_digest is the only one, once for every well-formed key, and it
    compares digests of one length: neither a secret nor an id can be guessed by its time."""
    compared: list[tuple[str, str]] = []

    def verdict(say: Callable[[str, str], bool]) -> None:
        def compare(presented: str, stored: str) -> bool:
            compared.append((presented, stored))
            return say(presented, stored)

        monkeypatch.setattr(keys, "compare_digest", compare)

    original = keys.compare_digest
    with empty_store.session() as session:
        key = create_key(session, "Ada", ["read"]).key
        wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
        unknown = "pvk_00000000_" + key[13:]
        verdict(lambda *_: False)
        with pytest.raises(KeyRefusedError):
            authenticate(session, key)
        verdict(lambda *_: True)
        assert authenticate(session, wrong).name == "Ada"
        verdict(original)
        for refused in (wrong, unknown):
            with pytest.raises(KeyRefusedError, match="not known"):
                authenticate(session, refused)
    assert len(compared) == 4
    assert {len(digest) for pair in compared for digest in pair} == {64}


def test_what_includes_what() -> None:
    assert Scope.READ.included == {Scope.READ}
    assert Scope.QUEUE.included == {Scope.QUEUE, Scope.READ}
    assert Scope.ADMIN.included == set(Scope)


def test_revoking_twice_keeps_the_first_time(empty_store: Store) -> None:
    with empty_store.session() as session:
        made = create_key(session, "Ada", ["read"])
        first = revoke_key(session, made.id)
        assert revoke_key(session, made.id).revoked_at == first.revoked_at
        with pytest.raises(KeyRefusedError, match="revoked"):
            authenticate(session, made.key)
        with pytest.raises(NotFoundError, match="pvkdb keys list"):
            revoke_key(session, "'; DROP TABLE api_keys; --")
        assert session.query(ApiKey).count() == 1


@pytest.mark.parametrize(
    ("name", "scopes", "days", "said"),
    [
        ("", ["read"], None, "cannot be the name"),
        ("a\nb", ["read"], None, "cannot be the name"),
        ("x" * 101, ["read"], None, "cannot be the name"),
        ("Ada", [], None, "needs a scope"),
        ("Ada", ["quee"], None, "did you mean 'queue'"),
        ("Ada", ["read"], 0, "cannot expire in 0 days"),
        ("Ada", ["read"], -1, "cannot expire"),
        ("Ada", ["read"], 1e9, "cannot expire"),
        ("Ada", ["read"], float("nan"), "cannot expire"),
    ],
)
def test_a_key_that_cannot_be_made(name, scopes, days, said):
    with pytest.raises(InputError, match=said):
        create_key(None, name, scopes, days)  # type: ignore[arg-type]  # refused before it is used
