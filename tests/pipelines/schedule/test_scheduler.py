"""The scheduler against a clock that the test moves, and a webhook that listens."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pvkdb.schemas.runs import RunDocument, RunState
from pvkdb.store.database import Store
from pvkdb.store.models.screenings import ScreeningRun
from pvkdb.store.runs import screening_runs
from pvkdb_pipelines.schedule import scheduler as scheduling
from pvkdb_pipelines.schedule.file import read_schedule
from pvkdb_pipelines.schedule.scheduler import Scheduler
from pvkdb_pipelines.screening import funnel
from pvkdb_pipelines.screening.recorded import begin_run

PLAN = """\
types = ["ABX3"]
stop_after = "tolerance"
rank_by = "{rank}"
[ions]
A = ["Cs"]
B = [{b}]
X = ["I", "Br"]
[filters]
tolerance = ["tau < 5"]
"""
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Desk:
    """A plan and its schedule in a folder, a clock, and what the scheduler said."""

    folder: Path
    store: Store
    said: list[str]
    now: datetime = NOON

    def write_plan(self, b: str = '"Pb2+"', rank: str = "tau") -> None:
        (self.folder / "tin.toml").write_text(PLAN.format(b=b, rank=rank), encoding="utf-8")

    def scheduler(self, extra: str = "", cron: str = "0 * * * *") -> Scheduler:
        """A scheduler as a process of its own would have it."""
        path = self.folder / "schedule.toml"
        path.write_text(f'[[screen]]\nplan = "tin.toml"\ncron = "{cron}"\n{extra}\n')
        return Scheduler(self.store, read_schedule(path), self.said.append, lambda: self.now)

    def started(self, extra: str = "") -> Scheduler:
        """A scheduler that knows the plan from noon on."""
        scheduler = self.scheduler(extra)
        scheduler.run_due()
        return scheduler

    def due(self, scheduler: Scheduler, hours: float) -> list[RunDocument]:
        """What is run so long after noon."""
        self.now = NOON + timedelta(hours=hours)
        return scheduler.run_due()

    def runs(self) -> list[RunDocument]:
        with self.store.session(read_only=True) as session:
            found = session.query(ScreeningRun).order_by(ScreeningRun.id)
            return [screening_runs.run_document(run) for run in found]


@pytest.fixture
def desk(tmp_path: Path, empty_store: Store) -> Desk:
    desk = Desk(tmp_path, empty_store, [])
    desk.write_plan()
    return desk


def test_a_plan_runs_at_its_times_and_not_before(desk: Desk) -> None:
    scheduler = desk.scheduler()
    assert scheduler.run_due() == []  # what lay before the schedule was not missed
    assert desk.due(scheduler, 59 / 60) == []
    (run,) = desk.due(scheduler, 61 / 60)
    at = NOON + timedelta(hours=1)
    assert (run.fire_time, run.scheduled, run.state) == (at, True, RunState.DONE)
    assert (run.counts.compositions, run.differences) == (2, None)
    assert scheduler.run_due() == []


def test_missed_runs_are_made_up_for_once(desk: Desk) -> None:
    desk.scheduler().run_due()
    desk.now = NOON + timedelta(days=3, minutes=5)  # the machine was off
    documents = [document for _ in range(3) for document in desk.scheduler().run_due()]
    assert [run.fire_time for run in documents] == [NOON + timedelta(days=3)]
    assert len(desk.runs()) == 1
    assert "5 min late" in " ".join(desk.said)


def test_times_that_pass_during_a_run_are_made_up_for_once(desk, monkeypatch):
    first, second = desk.scheduler(), desk.scheduler()
    first.run_due()
    meanwhile: list[Any] = []
    original = funnel.Funnel.run

    def slow(self: Any) -> Any:
        desk.now += timedelta(hours=2, minutes=30)
        meanwhile.append(second.run_due())
        return original(self)

    monkeypatch.setattr(funnel.Funnel, "run", slow)
    (long,) = desk.due(first, 1)
    assert meanwhile == [[]]  # another scheduler does not begin a run beside it
    assert "is run by another process" in desk.said[-2]
    monkeypatch.setattr(funnel.Funnel, "run", original)
    assert long.fire_time == NOON + timedelta(hours=1)
    assert [run.fire_time for run in first.run_due()] == [NOON + timedelta(hours=3)]


def test_an_interrupted_run_is_gone_on_with(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = desk.started()

    def interrupted(self: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(funnel.Funnel, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk.due(scheduler, 1)
    assert [run.state for run in desk.runs()] == [RunState.INTERRUPTED]
    (run,) = desk.scheduler().run_due()
    assert (run.id, run.state, run.attempts) == (1, RunState.DONE, 1)


def test_a_run_that_fails_is_recorded_and_the_next_time_is_tried(desk: Desk) -> None:
    scheduler = desk.started()
    desk.write_plan('"Xy2+"')
    (run,) = desk.due(scheduler, 1)
    assert run.state is RunState.FAILED
    assert "'Xy' is not an ion" in (run.failure or "")
    assert scheduler.run_due() == []
    desk.write_plan()
    assert [run.state for run in desk.due(scheduler, 2)] == [RunState.DONE]


def test_a_run_says_what_is_different_from_the_one_before(desk: Desk) -> None:
    scheduler = desk.started()

    def after(hours: int, b: str, rank: str = "tau") -> Any:
        desk.write_plan(b, rank)
        (run,) = desk.due(scheduler, hours)
        return run.differences

    assert after(1, '"Pb2+"') is None
    same = after(2, '"Pb2+"')
    assert (same.any, same.plan_changed, same.since) == (False, False, 1)
    more = after(3, '"Pb2+", "Sn2+"')
    assert more.plan_changed
    assert {entry.formula for entry in more.new} == {"CsSnI3", "CsSnBr3"}
    assert {entry.formula for entry in more.moved} <= {"CsPbI3", "CsPbBr3"}
    assert more.lost == []
    turned = after(4, '"Pb2+", "Sn2+"', "-tau")
    assert (turned.new, turned.lost) == ([], [])
    assert {(entry.before, entry.after) for entry in turned.moved} == {
        (1, 4), (2, 3), (3, 2), (4, 1)
    }  # fmt: skip
    fewer = after(5, '"Sn2+"', "-tau")
    assert {entry.formula: entry.reason for entry in fewer.lost} == {
        "CsPbI3": "the plan no longer makes it",
        "CsPbBr3": "the plan no longer makes it",
    }


def test_once_runs_whatever_the_time_and_once_a_minute(desk: Desk) -> None:
    scheduler = desk.scheduler()
    desk.now = NOON + timedelta(minutes=10, seconds=3)
    (run,) = scheduler.run_once()
    assert run.fire_time == NOON + timedelta(minutes=10)
    desk.now += timedelta(seconds=20)
    assert desk.scheduler().run_once() == []
    desk.now += timedelta(seconds=60)
    assert len(scheduler.run_once()) == 1


def test_a_person_s_screening_is_none_of_the_schedule_s(desk: Desk) -> None:
    scheduler = desk.started()
    assert begin_run(desk.store, "tin", NOON + timedelta(hours=1, minutes=30)) is not None
    assert len(desk.due(scheduler, 1)) == 1


@contextmanager
def listening(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that takes what is posted; gives its address and what came."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_webhook_hears_of_changes_and_failures_only(desk: Desk) -> None:
    with listening() as (url, came):
        scheduler = desk.started(f'webhook = "{url}"')
        for hours, b in ((1, '"Pb2+"'), (2, '"Pb2+"'), (3, '"Pb2+", "Sn2+"'), (4, '"Xy2+"')):
            desk.write_plan(b)
            desk.due(scheduler, hours)
    assert [body["event"] for body in came] == ["changed", "failed"]
    assert came[0]["text"].startswith("pvkdb: run 3 of tin: 2 new")
    assert came[0]["run"]["differences"]["since"] == 2
    assert "'Xy' is not an ion" in came[1]["text"]
    assert [run.webhook for run in desk.runs()] == [None, None, "delivered: 200", "delivered: 200"]


@pytest.mark.parametrize("answers", [True, False])
def test_a_webhook_that_fails_is_recorded_and_harms_nothing(desk: Desk, answers: bool) -> None:
    with listening(500) as (url, came):
        if not answers:
            url = "http://127.0.0.1:9/secret"  # nobody listens there
        scheduler = desk.started(f'webhook = "{url}"')
        for hours, b in ((1, '"Pb2+"'), (2, '"Sn2+"')):
            desk.write_plan(b)
            (run,) = desk.due(scheduler, hours)
    assert len(came) == answers
    assert run.state is RunState.DONE
    assert run.webhook.startswith("not delivered: ")
    assert "secret" not in run.webhook
    assert desk.runs()[-1].webhook == run.webhook


@contextmanager
def sending_for_ever(start: bytes, piece: bytes) -> Iterator[str]:
    """A server that sends a start, then a piece every 20 ms; gives its address."""
    over, server = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def send(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the scheduler went away
            connection.recv(65_536)
            connection.sendall(start)
            while not over.wait(0.02):
                connection.sendall(piece)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=send, args=server.accept()[:1], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/secret"
    over.set()
    server.close()


HEAD = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "silence": (b"", b"", "not delivered: no answer within 0.5 s"),
    "header for ever": (HEAD, b"X-More: 1\r\n", "not delivered: no answer within 0.5 s"),
    "body for ever": (HEAD + b"\r\n", b"x" * 100_000, "delivered: 200"),
    "body by the byte": (HEAD + b"Content-Length: 9999\r\n\r\n", b"x", "delivered: 200"),
    "not what it says": (HEAD + b"Content-Encoding: gzip\r\n\r\n", b"?", "delivered: 200"),
}


@pytest.mark.parametrize(("start", "piece", "outcome"), ANSWERS.values(), ids=ANSWERS)
def test_a_webhook_that_never_ends_its_answer_stops_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, start: bytes, piece: bytes, outcome: str
) -> None:
    monkeypatch.setattr(scheduling, "WEBHOOK_LIMIT_S", 0.5)
    with sending_for_ever(start, piece) as url:
        scheduler = desk.started(f'webhook = "{url}"')
        desk.due(scheduler, 1)
        desk.write_plan('"Sn2+"')
        began = time.monotonic()
        (run,) = desk.due(scheduler, 2)
        assert time.monotonic() - began < 20
    assert (run.state, run.webhook) == (RunState.DONE, outcome)
