#!/usr/bin/env bash
# The Dockerfile without a container engine: its build in a plain virtual environment from the files
# that .dockerignore lets in, then its command, its health check, and its stop signal.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)
python=${PVKDB_PYTHON:-python3}
away=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$away"' EXIT

mkdir "$away/src"
sed -n 's/^!//p' "$checkout/.dockerignore" | while read -r name; do
  cp -r "$checkout/$name" "$away/src/"
done

echo "-- RUN instructions of the build"
EXTRAS=$(sed -n 's/^ARG EXTRAS=//p' "$checkout/Dockerfile")
export EXTRAS
mkdir "$away/bin"
ln -s "$(command -v "$python")" "$away/bin/python"
cd "$away/src"
sed -n '/ AS build$/,/^FROM [^ ]*$/s/^RUN //p' "$checkout/Dockerfile" |
  sed "s#/opt/pvkdb#$away/opt#g; s/install /install --quiet /" >"$away/build.sh"
test "$(wc -l <"$away/build.sh")" -ge 3
PATH="$away/bin:$PATH" sh -eux "$away/build.sh"

echo "-- the image's command as another program would run it"
mkdir "$away/home"
cd "$away/home"
export PATH="$away/opt/bin:$PATH" PVKDB_LOG_FORMAT=json PVKDB_DATABASE_URL="sqlite:///$away/home/db.sqlite"
pvkdb init
port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
words() {  # of the JSON list behind an instruction
  sed -n "s/^ *$1 \[/[/p" "$checkout/Dockerfile" | "$2" -1 | python -c '
import json, shlex, sys
print(shlex.join(json.load(sys.stdin)))'
}
command="$(words ENTRYPOINT tail) $(words CMD tail | sed 's/0\.0\.0\.0/127.0.0.1/') --port $port"
check=$(words CMD head | sed "s/:8000/:$port/")
eval "$command &"
server=$!
for attempt in $(seq 60); do
  if eval "$check" 2>/dev/null; then break; fi
  sleep 0.5
done
eval "$check"
key=$(pvkdb keys create test --scope queue)
python - "$port" "$key" <<'PY'
import sys

import pvkdb

with pvkdb.Client(f"http://127.0.0.1:{sys.argv[1]}", api_key=sys.argv[2]) as client:
    assert client.calculations.submit("CsPbBr3").state == "queued"
with pvkdb.Client(f"http://127.0.0.1:{sys.argv[1]}") as client:
    try:
        client.calculations.submit("CsSnBr3")
    except pvkdb.PvkdbError as error:
        assert "key" in str(error)
    else:
        raise SystemExit("a write without a key")
PY
kill -TERM "$server"
wait "$server"
server=
echo "container: all good"
