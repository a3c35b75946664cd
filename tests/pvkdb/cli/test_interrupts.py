"""Stopping: also where a shell ignores SIGINT for its background jobs, or a library swallows it."""

from __future__ import annotations

import signal

import pytest

from pvkdb.cli.output.progress import watching
from pvkdb_pipelines.work import interrupts

from ...programs import background


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_swallowed_stop_is_raised_at_the_next_step(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(interrupts, "_requested", False)
    interrupts.install()
    try:
        with watching() as watch:
            with pytest.raises(interrupts.StopRequest):
                signal.raise_signal(number)
            # Whoever caught it goes on computing; the next report stops it.
            with pytest.raises(interrupts.StopRequest):
                watch.report(None, None)  # type: ignore[arg-type]
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)


def test_a_background_job_of_a_shell_can_be_stopped(environment: dict[str, str]) -> None:
    """A shell starts its background jobs with SIGINT ignored."""
    code = "from pvkdb_pipelines.work import interrupts; interrupts.install();"
    code += "print(1, flush=True); import time; time.sleep(30)"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a process inherits
    with background("-c", code) as start:
        process = start(environment)
        signal.signal(signal.SIGINT, before)
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode != 0
    assert "StopRequest" in stderr
