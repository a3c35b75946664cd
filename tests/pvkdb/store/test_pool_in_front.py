"""PgBouncer in transaction mode before PostgreSQL: two clients share one connection."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select, text

from pvkdb.errors import DatabaseError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import ElementRequest
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue

from ...conftest import lacks, new_database

SYMBOLS = ("Li", "Na", "K", "Rb", "Cs", "Be", "Mg", "Ca", "Sr", "Ba", "Al", "Si", "Ti", "V")
#: As docs/deploy.md has it, but for one connection.
SETTINGS = """\
[databases]
* = host={host} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
max_prepared_statements = 200
logfile = {folder}/log
"""


@pytest.fixture
def clients(postgres_server: Any, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """Two stores of one database that share one connection to it."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        lacks("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    url = new_database(postgres_server)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(str(url.query["host"])) / "pool"  # where the user of PostgreSQL may write
    folder.mkdir()
    shutil.chown(folder, Path(str(url.query["host"])).owner())
    settings = SETTINGS.format(host=url.query["host"], port=port, folder=folder)
    (folder / "ini").write_text(settings, encoding="utf-8")
    user = ["-u", folder.owner()] if os.geteuid() == 0 else []  # it refuses to run as root
    process = subprocess.Popen([str(program), "-q", *user, str(folder / "ini")])
    name = f"postgresql://postgres@127.0.0.1:{port}/{url.database}"
    one, other = Store(name), Store(name)
    while True:
        try:
            one.revision()
            break
        except DatabaseError:
            assert psutil.pid_exists(process.pid)
            time.sleep(0.1)
    upgrade(one)
    yield one, other
    for store in (one, other):
        store.close()
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


def backend(store: Store) -> int:
    with store.session(read_only=True) as session:
        return session.scalar(select(func.pg_backend_pid())) or 0


def test_clients_share_a_connection_and_leave_nothing_in_it(clients: tuple[Store, Store]) -> None:
    """Prepared statements belong to each client; a limit of time ends with its transaction."""
    assert backend(clients[0]) == backend(clients[1])
    names = []
    for symbol in SYMBOLS:  # more often than psycopg waits until it prepares a statement
        request = ElementRequest(symbol=symbol, potential=PotentialName.CHGNET)
        with clients[0].session() as session:
            names.append(queue.enqueue(session, request)[0].id)
    claimed = []
    for number in range(len(names)):
        store = clients[number % 2]
        with store.session(lock_wait_s=5) as session:
            one = queue.claim(session, f"owner {number % 2}")
            claimed.append(one.id)
        with store.session() as session:
            assert session.scalar(text("SHOW lock_timeout")) == "0"
            assert queue.heartbeat(session, claimed[-1], f"owner {number % 2}")
            queue.finish(session, claimed[-1], f"owner {number % 2}", {}, {})
    assert claimed == names
    with clients[1].session(read_only=True) as session:
        assert set(session.scalars(select(Calculation.state))) == {"done"}
