"""Starting and stopping the service."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from pvkdb.client import Client
from pvkdb.errors import InputError, NotMigratedError
from pvkdb_api.core.settings import ServiceSettings
from pvkdb_api.server import PortInUseError, listen, serve

from ..patience import PATIENCE_S, get
from ..pvkdb.literature.drafts.printed_pdf import pdf_of_blanks
from .conftest import LOCAL_KEYS, Started
from .guarded import key_for

pytestmark = pytest.mark.slow  # each starts services of their own


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
def test_a_signal_ends_the_service_quietly(start: Started, number: signal.Signals) -> None:
    process, address = start()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
    assert get(f"{address}/healthz").json()["status"] == "ok"
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert [line for line in err.splitlines() if "/healthz" not in line] == []


def ended(process: subprocess.Popen[str]) -> str:
    """What a service that is told to end has logged; it ends without an error."""
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err
    return err


class Unfinished:
    """A request of which half of the body is sent."""

    BODY = b'{"formula": "CsPbBr3"}'

    def __init__(self, address: str) -> None:
        url = httpx.URL(address)
        self.socket = socket.create_connection((url.host, url.port or 80), timeout=20)
        self.socket.sendall(
            b"POST /api/v1/calculations HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s"
            % (LOCAL_KEYS[address].encode(), len(self.BODY), self.BODY[:10])
        )

    def finish(self) -> str:
        """Send the other half; the whole answer."""
        with self.socket:
            self.socket.sendall(self.BODY[10:])
            return b"".join(iter(lambda: self.socket.recv(65536), b"")).decode()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_local_key_is_of_one_start_and_of_all_its_workers(start: Started, workers: str) -> None:
    earlier, before = start(PVKDB_ALLOW_LOCAL_WRITES="1")
    earlier.kill()
    process, address = start(PVKDB_ALLOW_LOCAL_WRITES="1", PVKDB_WORKERS=workers)
    assert get(f"{address}/readyz").json()["status"] == "ok"
    key, url = LOCAL_KEYS[address], httpx.URL(address)
    bare = "POST /api/v1/calculations HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 22\r\n"
    bare += "Content-Type: application/json\r\n"
    for sent, status in (("", 401), (f"{key}x", 401), (LOCAL_KEYS[before], 401), (key, 202)):
        header = f"X-API-Key: {sent}\r\n" if sent else ""
        with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
            connection.sendall(f'{bare}{header}\r\n{{"formula": "CsPbBr3"}}'.encode())
            assert f" {status} " in connection.recv(100).decode()
    with Client(address, api_key=key) as client:
        for seed in range(4):
            assert client.calculations.submit("CsPbCl3", settings={"seed": seed}).id
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert err.count(key) == 1
    assert f"enter {key} at {address}/key," in err


def test_a_request_in_progress_is_finished_before_the_service_ends(start: Started) -> None:
    process, address = start(PVKDB_ALLOW_LOCAL_WRITES="1")
    assert get(f"{address}/readyz").json()["status"] == "ok"
    request = Unfinished(address)
    time.sleep(0.5)  # until it is taken
    process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert process.poll() is None
    with pytest.raises(httpx.ConnectError):
        get(f"{address}/livez")
    assert request.finish().startswith("HTTP/1.1 202")
    ended(process)


def test_who_does_not_finish_in_time_is_not_waited_for(start: Started) -> None:
    grace = {"PVKDB_SHUTDOWN_GRACE_S": "1", "PVKDB_ALLOW_LOCAL_WRITES": "1"}
    process, address = start(**grace, PVKDB_TRUSTED_PROXIES="198.51.100.1")
    claim = {"X-Forwarded-For": "203.0.113.9"}  # by somebody who is no proxy of ours
    assert get(f"{address}/livez", headers=claim).is_success
    request = Unfinished(address)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)  # it says which request it cut
    request.socket.close()
    assert process.returncode == 0
    assert "203.0.113.9" not in err


def test_a_worker_that_dies_is_replaced_and_all_end_when_their_requests_have(
    start: Started,
) -> None:
    process, address = start(PVKDB_WORKERS="2", PVKDB_ALLOW_LOCAL_WRITES="1")
    assert get(f"{address}/readyz").is_success
    first = workers_of(process.pid)
    assert len(first) == 2
    os.kill(min(first), signal.SIGSTOP)
    time.sleep(1)  # until it is asked whether it lives
    os.kill(min(first), signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while len(second := workers_of(process.pid)) < 2 or second == first:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert get(f"{address}/readyz").is_success
    request = Unfinished(address)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert process.poll() is None
    assert request.finish().startswith("HTTP/1.1 202")
    ended(process)
    assert not any(psutil.pid_exists(pid) for pid in first | second)


def workers_of(pid: int) -> set[int]:
    """The workers that run; multiprocessing keeps a resource tracker beside them."""
    return {
        child.pid
        for child in psutil.Process(pid).children()
        if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline())
    }


def test_a_paper_that_takes_long_ends_before_its_time_and_with_the_service(
    start: Started, sqlite_store
) -> None:
    headers = {"X-API-Key": key_for(sqlite_store, "import")}
    paper = {"pdf": b64encode(pdf_of_blanks(pages=300, blanks=70_000_000)).decode(), "name": "p"}
    process, address = start(PVKDB_REQUEST_TIMEOUT_S="6", PVKDB_SHUTDOWN_GRACE_S="1")

    def bring() -> httpx.Response:
        return httpx.post(f"{address}/api/v1/drafts", json=paper, headers=headers, timeout=60)

    def reading() -> list[psutil.Process]:
        children = psutil.Process(process.pid).children(recursive=True)
        return [each for each in children if "budget" in " ".join(each.cmdline())]

    def one_that_reads() -> psutil.Process:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := reading()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return found[0]

    assert get(f"{address}/readyz").is_success
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(bring)
        one_that_reads()
        assert get(f"{address}/livez").is_success
        assert not answer.done()
        refusal = answer.result()
        assert refusal.status_code == 422
        assert refusal.headers["content-type"] == "application/problem+json"
        assert re.search("p takes more than [1-5] s to read; give", refusal.json()["detail"])
        assert not reading()
        answer = thread.submit(bring)
        child = one_that_reads()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)  # it says which request it cut
        assert process.returncode == 0
        assert not child.is_running()
        answer.exception()


def test_logs_are_json_lines_that_name_the_request(start: Started) -> None:
    process, address = start(PVKDB_LOG_FORMAT="json")
    named = get(f"{address}/api/v1/devices?limit=1", headers={"X-Request-ID": "mine-1"}, timeout=60)
    assert named.headers["x-request-id"] == "mine-1"
    forged = get(f"{address}/nowhere", headers={"X-Request-ID": 'x" {"level": "error'})
    assert re.fullmatch("[0-9a-f]{32}", forged.headers["x-request-id"])
    odd = get(f"{address}/a%0Ab%22", headers={"X-Forwarded-For": "203.0.113.9"})
    process.send_signal(signal.SIGTERM)
    lines = [json.loads(line) for line in ended(process).splitlines()]
    assert [line["request_id"] for line in lines] == [
        answer.headers["x-request-id"] for answer in (named, forged, odd)
    ]
    assert [line["path"] for line in lines] == ["/api/v1/devices", "/nowhere", "/a%0Ab%22"]
    assert [line["status"] for line in lines] == [200, 404, 404]
    assert [line["address"] for line in lines] == ["127.0.0.1", "127.0.0.1", "203.0.113.9"]
    assert lines[0]["level"] == "info"
    assert lines[0]["caller"] == "anonymous"
    assert lines[0]["duration_ms"] > 0
    assert lines[0]["time"].endswith("+00:00")


def test_writes_without_a_key_are_not_offered_to_other_machines(sqlite_store) -> None:
    settings = ServiceSettings(allow_local_writes=True)
    with pytest.raises(InputError, match="pvkdb keys create"):
        serve(str(sqlite_store.url), "0.0.0.0", 0, ready=pytest.fail, settings=settings)


def test_importing_the_service_opens_nothing_and_loads_little() -> None:
    """No application without an address of a database; packages of measurements and OPTIMADE only
    when they are asked for: they would be 130 MB of each process."""
    code = (
        "import sys, pvkdb_api.app as app; assert not hasattr(app, 'app');"
        "print({'matplotlib', 'numba', 'pandas', 'scipy', 'optimade', 'lark'} & {*sys.modules})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "set()"
