"""Type checkers know what each client gives: one definition, two kinds of answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

PROGRAM = """
from collections.abc import Callable
from typing import assert_type

import pvkdb
from pvkdb.client import AsyncResults, Results, Stream
from pvkdb.schemas.calculations import CalculationDocument, LogLine
from pvkdb.schemas.tables.reviewed import ConductionRow
from pvkdb.schemas.runs import RunDocument, ScreeningDocument
from pvkdb.schemas.screening import CandidateSummary
from pvkdb.schemas.tables import DevicesRow, EnergeticsRow

client = pvkdb.Client("http://127.0.0.1:8000", api_key=None)
assert_type(client.devices.search(retention_s=(1e4, None), family=["2D"]), Results[DevicesRow])
assert_type(client.devices.search()[0].retention_s, float | None)
assert_type(client.energetics.iterate(), Stream[EnergeticsRow])
assert_type(client.devices.get("d"), DevicesRow)
assert_type(client.devices.get_many(["d"]), list[DevicesRow])
assert_type(client.devices.count(family="3D"), int)
assert_type(client.calculations.wait(client.calculations.submit("CsPbI3")), CalculationDocument)
assert_type(client.calculations.cancel("c"), CalculationDocument)
assert_type(client.calculations.log("c"), list[LogLine])
assert_type(client.ions.search()[0].radius_ang, float | None)
assert_type(client.conduction.get("m"), ConductionRow)
assert_type(client.screenings.runs(), list[RunDocument])
assert_type(client.screenings.candidates(1), list[CandidateSummary])
assert_type(pvkdb.open_store("sqlite:///x").devices.get("d"), DevicesRow)


async def ask(client: pvkdb.AsyncClient) -> None:
    assert_type(await client.devices.search(), AsyncResults[DevicesRow])
    assert_type(await client.devices.get("d"), DevicesRow)
    async for row in client.energetics.iterate():
        assert_type(row, EnergeticsRow)
    assert_type(await client.calculations.wait("c"), CalculationDocument)
    assert_type(await client.screenings.get("tin"), ScreeningDocument)


client.devices.get(3)  # type: ignore[arg-type]
client.devices.search(retention_s={})  # type: ignore[arg-type]
"""


@pytest.mark.slow
def test_answers_have_their_types(tmp_path):
    program = tmp_path / "program_with_types.py"
    program.write_text(PROGRAM, encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--strict", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
