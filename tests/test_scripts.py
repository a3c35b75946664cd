"""Every benchmark and every script of validation, curation and the docs answers and runs.

A script is found by its ``__main__``. Each is asked for ``--help``, which runs what it imports and
defines, and some are run with the arguments in ``SMOKE``. They run in a copy of the working tree,
since most write a page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .api.conftest import LAGGING

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "validation", "curation", "docs")

#: A store with the literature and computed results, where scripts run.
FILE = "pvkdb.sqlite"
STORE = f"sqlite:///{FILE}"

#: Arguments with which a script takes seconds. The others are only asked for help.
SMOKE = {
    "benchmarks/compositions.py": "made --share 0.001 --only words",
    "benchmarks/crossbar.py": "16",
    "benchmarks/hopping.py": "--hops 1000",
    "benchmarks/mutations.py": "--check",
    "benchmarks/neb.py": "chgnet --phase Pm-3m --hops 1 --fmax 0.1 --steps 2",
    "benchmarks/potentials/batched_neb.py": "chgnet",
    "benchmarks/potentials/batched_relaxations.py": "chgnet",
    "benchmarks/potentials/dft.py": "--estimate",
    "benchmarks/potentials/potential_evaluation.py": "chgnet",
    "benchmarks/ranking.py": "20 3 50",
    "benchmarks/service.py": "--devices 200 --energetics 200 --seconds 1",
    "benchmarks/start_up.py": "--rounds 1 --no-bar",
    "benchmarks/tolerance.py": "1000",
    "benchmarks/web/calls.py": f"{STORE} /api/v1/ions",
    "benchmarks/web/client.py": "--rows 1000",
    "benchmarks/web/cold_pages.py": f"{STORE} /devices --no-bar",
    "benchmarks/web/explorer.py": "--devices 200 --energetics 200 --times 1 --no-bar",
    "benchmarks/web/fuzz.py": "--requests 20",
    "benchmarks/workers/kills.py": "--kills 0 --jobs 10 --database sqlite",
    "benchmarks/workers/soak.py": (
        "--seconds 2 --devices 200 --energetics 200 --workers 1 --databases sqlite --no-bar"
    ),
    "curation/independent/compare.py": "",
    "curation/open_pages/compare.py": "",
    "curation/open_pages/tables.py": "",
    "curation/tolerance.py": "",
    "docs/reference/agent_tools.py": "",
    "docs/reference/client_methods.py": "",
    "docs/reference/generate.py": "",
    "docs/reference/store_columns.py": "",
    "validation/calibration/make.py": "",
    "validation/devices/conduction_laws.py": "",
    "validation/dft/benchmark.py": "--page-only",
    "validation/dft/cells.py": "--only NONE",
    "validation/dft/convergence.py": "--page-only",
    "validation/dft/hops.py": "--page-only",
    "validation/dft/path_points.py": "",
    "validation/drafting/score.py": "texts",
    "validation/electrons/calibration.py": "",
    "validation/electrons/gaps.py": f"--database {FILE} --list",
    "validation/electrons/make.py": "",
    "validation/electrons/mixtures.py": "",
    "validation/electrons/pairs.py": f"--database {FILE} --list",
    "validation/migration/make.py": "--page-only",
    "validation/prediction/make.py": "--page-only",
    "validation/rankings/choice.py": STORE,
    "validation/rankings/series.py": STORE,
    "validation/screening/device_starts.py": STORE,
    "validation/structures/hybrids.py": "--page-only",
    "validation/structures/make.py": "--page-only",
    "validation/structures/mixtures.py": "--page-only",
}

#: Runs a script with arguments; returns its exit status and what it said.
Run = Callable[..., tuple[int, str]]


def scripts() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^if __name__", path.read_text(encoding="utf-8"), re.MULTILINE)
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, computed_sqlite: Path) -> Iterator[Run]:
    """Scripts run in a copy of what git tracks, as it is in the working tree, beside a store."""
    names = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(names, cwd=ROOT, capture_output=True, text=True, check=True)
    tree = tmp_path_factory.mktemp("tree")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    shutil.copy(computed_sqlite, tree / FILE)
    own = os.pathsep.join(map(str, (tree, tree / "pipelines", tree / "api")))
    with subprocess.Popen(
        [sys.executable, "tests/forked.py"],
        cwd=tree,
        env={**os.environ, **LAGGING, "PYTHONPATH": own, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        question, answer = process.stdin, process.stdout

        def run(script: str, *words: str) -> tuple[int, str]:
            output = tree / "output.txt"
            question.write(json.dumps([script, words, str(output)]) + "\n")
            question.flush()
            status = int(answer.readline())
            return status, output.read_text(encoding="utf-8")

        yield run
        process.stdin.close()


@pytest.mark.parametrize("script", scripts())
def test_it_answers_help(run: Run, script: str) -> None:
    status, said = run(script, "--help")
    assert status == 0, said
    assert said.startswith("usage: ")


@pytest.mark.parametrize(("script", "words"), SMOKE.items(), ids=SMOKE)
def test_it_runs(run: Run, script: str, words: str) -> None:
    status, said = run(script, *words.split())
    assert "Traceback" not in said
    assert status == 0, said
