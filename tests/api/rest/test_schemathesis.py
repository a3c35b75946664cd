"""schemathesis finds no request that the service answers against its own description.

It asks a running service: values at their bounds and beyond, NUL bytes, huge numbers, NaN, deep
JSON, wrong media types, missing and unknown parameters, in a fixed order from a fixed seed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pvkdb_api.app import create_app
from pvkdb_api.core.settings import ServiceSettings

from ...programs import listening
from ..guarded import key_for

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
#: No clock decides what is a finding.
UNLIMITED = {"rate_per_minute": 0, "key_rate_per_minute": 0, "request_timeout_s": 900}

#: One operation of each kind, whose parameters are all driven to their bounds and beyond.
OF_EACH_KIND = (
    *("get_tolerance", "queue_calculation", "get_ranking", "list_references", "import_papers"),
    *("cancel_calculation", "list_screening_candidates"),
)


@dataclass
class Served:
    """A running service, and a key that may write there."""

    address: str
    key: str


@pytest.fixture
def served(store) -> Iterator[Served]:
    """A service in a thread, on a port of its own, that lets ask as often as one likes."""
    key = key_for(store, "queue", "import")
    url = store.url.render_as_string(hide_password=False)
    with listening(create_app(url, ServiceSettings(**UNLIMITED))) as address:
        yield Served(address, key)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)  # the stricter one
def test_drawn_requests_are_answered_as_described(served, tmp_path):
    asked = ("--phases", "examples,fuzzing,stateful", "--max-examples", "2")
    assert cases_of(schemathesis(served, tmp_path, *asked)) >= 100


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_bounds_of_parameters_are_answered_as_described(served, tmp_path):
    only = [part for name in OF_EACH_KIND for part in ("--include-operation-id", name)]
    assert cases_of(schemathesis(served, tmp_path, "--phases", "coverage", *only)) >= 100


def schemathesis(served: Served, folder: Path, *options: str) -> str:
    """What schemathesis says of a service, with all its checks and ours; it must be content."""
    pytest.importorskip("schemathesis")
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{served.address}/openapi.json"),
        *("--checks", "all", "--seed", "2145", "--no-color", "--warnings", "off"),
        *("--header", f"Authorization: Bearer {served.key}"),
        *("--header", f"X-API-Key: {served.key}"),
        *("--suppress-health-check", "all", "--max-failures", "10", *options),
    ]
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks_schemathesis", "PYTHONPATH": path}
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    return run.stdout


def cases_of(said: str) -> int:
    """How many requests were sent."""
    found = re.search(r"(\d+) generated", said)
    assert found is not None
    return int(found[1])
