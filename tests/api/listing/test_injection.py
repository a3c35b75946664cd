"""Nothing that a request says becomes SQL or the name of a file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ...curated import DEVICES

ROOT = Path(__file__).parents[3]
SERVICE = sorted((ROOT / "api" / "pvkdb_api").rglob("*.py"))
STORE = sorted((ROOT / "pvkdb" / "store").rglob("*.py"))

SQL = frozenset({"text", "literal_column", "exec_driver_sql"})
FILES = frozenset({"open", "Path", "FileResponse", "StaticFiles", "read_text", "read_bytes"})

#: The folder of counts that the workers share; the snapshot, a temporary file with a fixed name.
OWN_FILES = ("metrics.py", "snapshots.py")

#: Where SQL is put together from constants when the module is loaded.
PUT_TOGETHER = {"summary_updates.py", "small.py"}

ATTACKS = (
    *("' OR '1'='1", "x'; DROP TABLE devices; --", "1 UNION SELECT digest FROM api_keys"),
    *("../../../../etc/passwd", "..%2F..%2Fetc%2Fpasswd", "/etc/passwd", "${jndi:ldap://x}"),
    "{{7*7}}",
)


#: What has an address for each name.
NAMED = ("devices", "export", "structures", "rankings")


def calls(path: Path, names: frozenset[str]) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in names:
                yield node


def constant(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return constant(node.body) and constant(node.orelse)
    return isinstance(node, ast.Constant)


def test_sql_is_written_in_the_code_and_nowhere_put_together() -> None:
    found = 0
    for path in (*SERVICE, *STORE):
        for call in calls(path, SQL) if path.name not in PUT_TOGETHER else ():
            assert constant(call.args[0]), f"{path}:{call.lineno}"
            found += 1
    assert found


def test_the_service_opens_no_files() -> None:
    for path in SERVICE:
        if path.name in OWN_FILES:
            continue
        for call in calls(path, FILES):
            # fastapi.Path declares a parameter and takes no positional argument.
            assert not call.args, f"{path}:{call.lineno}"


def test_what_looks_like_sql_or_a_path_is_a_value_and_finds_nothing(api) -> None:
    for attack in ATTACKS:
        asked = [
            ("/api/v1/devices", {"electrode": attack}),
            ("/api/v1/energetics", {"functional": attack}),
            ("/api/v1/devices", {"cursor": attack}),
            ("/api/v1/devices", {attack: "1"}),
            ("/api/v1/snapshot", {"format": attack}),
            *((f"/api/v1/{name}/{attack}", {}) for name in NAMED),
        ]
        sent = [("GET", path, {"params": parameters}) for path, parameters in asked]
        for answer in api.together(sent):
            assert answer.status_code in (200, 404, 422), (answer.url, answer.text)
            assert answer.status_code != 200 or answer.json()["total"] == 0, answer.url
    assert api.get("/api/v1/devices").json()["total"] == DEVICES
