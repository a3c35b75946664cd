"""Making, listing and revoking keys on the command line."""

from __future__ import annotations

import json
import re

import pytest

from ..conftest import Run


@pytest.mark.usefixtures("initialised")
def test_a_key_is_shown_once_listed_without_it_revoked_and_all_of_it_logged(run: Run) -> None:
    assert "no keys yet" in run("keys", "list").stderr

    made = run("keys", "create", "Ada [lab]", "--scope", "queue", "--expires", "30")
    key = made.stdout.strip()
    assert re.fullmatch(r"pvk_[0-9a-f]{8}_[\w-]{43}", key)
    key_id = key.split("_")[1]
    assert key_id in made.stderr
    assert "not shown again" in made.stderr

    listed = run("keys", "list").stdout
    assert key_id in listed
    assert "Ada [lab]" in listed
    assert "valid" in listed
    assert key not in listed

    assert f"{key_id} (Ada [lab]) is revoked" in run("keys", "revoke", key_id).stderr
    (entry,) = json.loads(run("keys", "list", "--json").stdout)
    assert entry["state"] == "revoked"
    assert entry["scopes"] == ["queue"]
    assert "digest" not in entry
    assert "key" not in entry

    log = json.loads(run("audit", "--json").stdout)
    assert [(entry["action"], entry["subject"]) for entry in log] == [
        ("revoke key", key_id),
        ("create key", key_id),
    ]
    assert all(entry["caller"].startswith("command line") for entry in log)
    assert key_id in run("audit", "--key", key_id).stdout

    mistake = run("keys", "create", "Ada", "--scope", "quee", code=2)
    assert mistake.stderr.startswith("pvkdb: there is no scope 'quee'; did you mean 'queue'?")
    assert mistake.stdout == ""
