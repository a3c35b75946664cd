"""The tutorials run, and what is kept of them belongs to no machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "tutorials"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_kept_and_of_no_machine(path: Path) -> None:
    cells = code(path)
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    kinds = {each["output_type"] for cell in cells for each in cell["outputs"]}
    assert {"execute_result"} <= kinds <= {"display_data", "execute_result", "stream"}
    assert not [cell["metadata"] for cell in cells if cell["metadata"]]
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"/(?:home|root|tmp|work|Users)/", text)
    assert "Traceback" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.long] * (path != NOTEBOOKS[0])) for path in NOTEBOOKS],
    ids=lambda path: path.stem,
)
def test_every_cell_runs_and_shows_what_it_showed(path: Path, computed_sqlite: Path) -> None:
    """The last makes its store itself; the others begin from one that is there."""
    command = [sys.executable, str(FOLDER / "run.py"), "--check", path.stem]
    if path != NOTEBOOKS[-1] and "--without-computed" not in path.read_text(encoding="utf-8"):
        command.append(f"--store={computed_sqlite}")
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert outcome.returncode == 0, outcome.stderr
