"""Starting and stopping the service."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from pvkdb.errors import InputError, NotMigratedError
from pvkdb_api.server import PortInUseError, listen, serve

START = (
    "import sys; from pvkdb_api.server import serve; serve(sys.argv[1], '127.0.0.1', 0, "
    "ready=lambda address: print(address, flush=True))"
)


def test_a_port_in_use_is_refused_with_the_remedy(sqlite_store):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError) as refused:
            serve(str(sqlite_store.url), "127.0.0.1", port)
    message = str(refused.value)
    assert f"port {port} of 127.0.0.1" in message
    assert "--port" in message
    assert "\n" not in message


def test_a_database_that_is_not_migrated_is_refused_before_anything_listens(tmp_path):
    with pytest.raises(NotMigratedError, match="pvkdb init"):
        serve(f"sqlite:///{tmp_path}/none.sqlite", "127.0.0.1", 0, ready=pytest.fail)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_refused(port):
    with pytest.raises(InputError, match="0 to 65535"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a" * 300])
def test_a_host_that_is_not_this_machine_is_refused(host):
    with pytest.raises(InputError, match="--host"):
        listen(host, 0).close()


def test_the_body_of_an_answer_does_not_wait_for_its_head_to_be_acknowledged():
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_service_quietly(sqlite_store, number):
    command = [sys.executable, "-W", "error", "-c", START, str(sqlite_store.url)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
            assert httpx.get(f"{address}/healthz", timeout=20).json()["status"] == "ok"
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert out == ""
    assert "Traceback" not in err
    assert [line for line in err.splitlines() if "/healthz" not in line] == []
