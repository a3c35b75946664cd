"""Telling an address of a run: one POST of JSON, whose failure is recorded and harms nothing."""

from __future__ import annotations

import httpx

from pvkdb.schemas.runs import RunDocument, RunState

#: Seconds for the whole of it.
TIMEOUT_S = 10.0


def worth_telling(run: RunDocument) -> bool:
    """Whether a run failed, or found a candidate that came, went or moved."""
    changed = run.differences is not None and run.differences.any
    return changed or run.state is RunState.FAILED


def tell(url: str, run: RunDocument) -> str:
    """POST a run; gives what became of it, without the address, which may hold a secret.

    The body has ``event`` (``changed`` or ``failed``), ``text``, a sentence that chat services
    show, and ``run``.
    """
    failed = run.state is RunState.FAILED
    what = f"failed: {run.failure}" if failed else run.differences and run.differences.words
    body = {
        "event": "failed" if failed else "changed",
        "text": f"pvkdb: run {run.id} of {run.plan}: {what}",
        "run": run.model_dump(mode="json"),
    }
    try:
        answer = httpx.post(url, json=body, timeout=TIMEOUT_S)
    except httpx.InvalidURL:
        return "not delivered: the address makes no sense"
    except httpx.HTTPError as error:
        return f"not delivered: {type(error).__name__}: {error}".replace(url, "the address")
    if answer.is_success:
        return f"delivered: {answer.status_code}"
    return f"not delivered: answered with {answer.status_code}"
