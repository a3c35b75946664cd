"""One log line for each request, with the id that is also in the answer."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pvkdb_api.frame.metrics import RequestMetrics

HEADER = "X-Request-ID"

#: A valid id from a proxy is kept.
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

#: Id of the current request, for all lines logged during it.
_current: ContextVar[str | None] = ContextVar("pvkdb_request_id", default=None)

_log = logging.getLogger("pvkdb_api.requests")


class RequestLog:
    """ASGI middleware that gives each request an id, and counts and logs it when it ends.

    The line holds the path without its query, and no headers: both may contain secrets.
    """

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, and count and log it when it ends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 500
        began = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        self.metrics.begin()
        token = _current.set(request_id)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - began
            self.metrics.end(scope, status, seconds)
            _write(scope, status, seconds)
            _current.reset(token)


def _write(scope: Scope, status: int, seconds: float) -> None:
    caller = scope["state"].get("caller")
    client = scope.get("client")
    fields = {
        "method": scope["method"],
        "path": quote(scope["path"]),
        "status": status,
        "duration_ms": round(1000 * seconds, 1),
        "address": caller.address if caller is not None else (client[0] if client else None),
        "caller": caller.name if caller is not None else None,
    }
    _log.info(
        "%(method)s %(path)s %(status)d %(duration_ms).1f ms, %(caller)s from %(address)s",
        fields,
        extra={"fields": fields},
    )


def log_config(form: str) -> dict[str, Any]:
    """Return the logging configuration of a process: everything goes to standard error.

    Args:
        form: ``text`` or ``json``.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            "json": {"()": JsonFormatter},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": form,
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": {
            # Uvicorn logs its start at level INFO, and this module logs the requests.
            "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
            "pvkdb_api": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        },
    }


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: time (UTC), level, logger, message, request id, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request_id := _current.get()) is not None:
            line["request_id"] = request_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
