#!/usr/bin/env bash
# Build the source distribution and the wheel from it, and use them away from the checkout: the base
# install alone, then with [all]. usage: wheel.sh [base], which ends before [all]
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)
python=${PVKDB_PYTHON:-python3}
away=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$away"' EXIT

"$python" -m build --outdir "$away/dist" "$checkout" >"$away/build.log" 2>&1 ||
  { cat "$away/build.log"; exit 1; }
wheel=$(echo "$away"/dist/*.whl)
cd "$away"
"$python" -m twine check --strict dist/*

echo "-- every file of the packages is in the wheel"
"$python" - "$wheel" "$checkout" <<'PY'
import sys
from pathlib import Path
from zipfile import ZipFile

wheel, checkout = sys.argv[1], Path(sys.argv[2])
brought = set(ZipFile(wheel).namelist())
for package in ("pvkdb", "pipelines/pvkdb_pipelines", "api/pvkdb_api"):
    folder = checkout / package
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    missing = {path.relative_to(folder.parent).as_posix() for path in files} - brought
    assert not missing, f"the wheel lacks {sorted(missing)[:5]}"
(metadata,) = (name for name in brought if name.endswith(".dist-info/METADATA"))
described = ZipFile(wheel).read(metadata).decode()
assert "](docs/" not in described, "the page of an index links to files that it does not have"
assert "the explorer (`docs/explorer.md`)" in described
PY

echo "-- base install from the source distribution"
"$python" -m venv source
source/bin/pip install --quiet dist/*.tar.gz --constraint "$checkout/constraints.txt"
source/bin/pvkdb --version

echo "-- base install: light, and the client is there"
"$python" -m venv base
base/bin/pip install --quiet "$wheel" --constraint "$checkout/constraints.txt"
for package in torch pymatgen sqlalchemy fastapi; do
  if base/bin/python -c "import $package" 2>/dev/null; then
    echo "the base install brings $package"; exit 1
  fi
done
base/bin/python - <<'PY'
import re
from importlib.metadata import distributions, requires

left, needed = ["pvkdb", "pip"], set()
while left:
    name = re.sub(r"[-_.]+", "-", left.pop()).lower()
    if name not in needed:
        needed.add(name)
        plain = (line for line in requires(name) or () if "extra ==" not in line)
        left += [re.match(r"[\w.-]+", line)[0] for line in plain if ";" not in line]
installed = {re.sub(r"[-_.]+", "-", each.name).lower() for each in distributions()}
assert installed <= needed | {"setuptools"}, f"the base install brings {installed - needed}"
PY
if base/bin/python -c "import pvkdb; pvkdb.open_store('sqlite:///x.sqlite')" 2>err.txt; then
  echo "open_store works without its extra?"; exit 1
fi
grep -q "pvkdb\[api\]" err.txt
base/bin/pvkdb --help >/dev/null
if base/bin/pvkdb init 2>err.txt; then echo "init works without its extra?"; exit 1; fi
grep -q "pvkdb\[store\]" err.txt

[ "${1-}" != base ] || exit 0

echo "-- [all]: init, neb, serve, and the base install's client reads it"
"$python" -m venv full
full/bin/pip install --quiet "$wheel[all]" --constraint "$checkout/constraints.txt"
full/bin/pip check
export PVKDB_DATABASE_URL="sqlite:///$away/away.sqlite"
full/bin/pvkdb init
full/bin/pvkdb screen lead-and-tin --dry-run   # plans travel in the wheel
full/bin/pvkdb rank synaptic-training --limit 2 # and so do profiles
full/bin/python -c "from pvkdb_pipelines.dft.benchmark import read_benchmark as r; assert r()[1]"
full/bin/pvkdb mcp </dev/null                  # tools for language models start, and end with the input
full/bin/pvkdb snapshot dataset
test -s dataset/LICENSE && test -s dataset/NOTICE # and the rights
full/bin/pvkdb neb CsPbBr3 --potential chgnet --plot profile.png --json >neb.json
test -s profile.png
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
full/bin/pvkdb serve --port "$port" &
server=$!
base/bin/python - "$port" <<'PY'
import json
import sys
import time

import pvkdb

client = pvkdb.Client(f"http://127.0.0.1:{sys.argv[1]}")
for attempt in range(60):
    try:
        client.health()
        break
    except pvkdb.PvkdbError:
        time.sleep(0.5)
assert len(client.devices.search()) >= 63
assert len(client.references.search()) >= 430
found = client.energetics.search(material="CsPbBr3", method="MLIP", scope="percolation")
paths = {row.source: row for row in found if row.direction == "3D"}
computed = json.load(open("neb.json"))
own = paths.pop(f"calculation {computed['id']}")
assert len(paths) >= 2, paths  # the computed results that came with the wheel
assert all(0 < path.value_min_ev < 5 for path in (own, *paths.values())), paths
print(f"client: {own.material} {own.value_min_ev:.3f} eV, {own.source}")
PY
kill -INT "$server"
wait "$server"
server=
echo "wheel: all good"
