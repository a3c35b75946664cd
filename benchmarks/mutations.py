"""Do the quick tests notice when the code is wrong? Twenty errors, put in one at a time.

    python benchmarks/mutations.py                 # all of them; about as long as twenty quick runs
    python benchmarks/mutations.py tau retention   # those named
    python benchmarks/mutations.py --check         # only whether each text is found exactly once

Each mutation replaces one short text of a module in a temporary copy of the working tree. The quick
tests run there and stop at the first failure: first those that import the module, then those of its
room, then all others. Where none fails, a test is missing.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Mutation:
    """One error: the text ``old`` of a file becomes ``new``."""

    name: str
    path: str
    old: str
    new: str

    def text(self) -> str:
        """Return the text of the module as it is.

        Raises:
            ValueError: the text to replace is not there exactly once.
        """
        text = (ROOT / self.path).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.name}: {self.old!r} is {text.count(self.old)} times in {self.path}"
            )
        return text

    @property
    def module(self) -> str:
        """The dotted name of the module."""
        parts = Path(self.path).with_suffix("").parts
        return ".".join(parts[1:] if parts[0] in ("pipelines", "api") else parts)

    @property
    def room(self) -> Path:
        """The folder of the tests that mirrors the module's."""
        first, *rest = Path(self.path).parent.parts
        return Path("tests", first, *(rest[1:] if first != "pvkdb" else rest))


MUTATIONS = (
    Mutation(
        "tau", "pvkdb/chemistry/factors/tolerance.py",
        "(a_charge - ratio / log(ratio))", "(a_charge + ratio / log(ratio))",
    ),
    Mutation(
        "goldschmidt", "pvkdb/chemistry/factors/tolerance.py",
        "(sqrt(2) * (r_b_ang", "(2 * (r_b_ang",
    ),
    Mutation(
        "radii", "pvkdb/chemistry/ions.py",
        'target = 12 if site == "A" else 6', "target = 6",
    ),
    Mutation(
        "month", "pvkdb/chemistry/units.py",
        '"month": 30 *', '"month": 31 *',
    ),
    Mutation(
        "boltzmann", "pvkdb/kinetics/hopping.py",
        "1.380649e-23 / 1.602176634e-19", "1.380649e-23 / 1.602176634e-18",
    ),
    Mutation(
        "diffusion", "pvkdb/kinetics/hopping.py",
        "np.square(jump_length_m) * rate", "np.asarray(jump_length_m) * rate",
    ),
    Mutation(
        "retention", "pvkdb/kinetics/hopping.py",
        "np.square(thickness_m) / spread", "np.asarray(thickness_m) / spread",
    ),
    Mutation(
        "diffusion of a path", "pipelines/pvkdb_pipelines/migration/dynamics.py",
        "/ (6 * length * frame_ps)", "/ (2 * length * frame_ps)",
    ),
    Mutation(
        "percolation order", "pipelines/pvkdb_pipelines/migration/result/percolation.py",
        "key=lambda edge: (edge.saddle_ev,", "key=lambda edge: (-edge.saddle_ev,",
    ),
    Mutation(
        "barrier of all directions", "pipelines/pvkdb_pipelines/migration/result/results.py",
        'e_a_ev=found[f"{dimensionality}D"].saddle_ev', 'e_a_ev=found["1D"].saddle_ev',
    ),
    Mutation(
        "formation energy", "pipelines/pvkdb_pipelines/screening/stages/formation.py",
        "defect_ev - bulk_ev - exchanged", "defect_ev - bulk_ev + exchanged",
    ),
    Mutation(
        "sneak paths", "pvkdb/crossbar/limits.py",
        "return r_lrs_ohm * (2 * half / others", "return r_lrs_ohm * (half / others",
    ),
    Mutation(
        "uniqueness", "pvkdb/examination/puf.py",
        "2 * ones * (1 - ones) * count / (count - 1)", "2 * ones * (1 - ones)",
    ),
    Mutation(
        "hyperalgesia", "pvkdb/examination/protocols.py",
        "(after >= _CHANGE * before) & ~innocuous", "(after >= before) & ~innocuous",
    ),
    Mutation(
        "inequality of a profile", "pvkdb/suitability/ranking/shares.py",
        "lows >= low if isinf(high)", "lows <= low if isinf(high)",
    ),
    Mutation(
        "scope of a barrier", "pvkdb/suitability/evidence/materials.py",
        'each.scope == "percolation"', 'each.scope == "hop"',
    ),
    Mutation(
        "superseded rows", "pvkdb/store/collections/collection.py",
        "return rows.where(model.current()) if", "return rows if",
    ),
    Mutation(
        "bound of a filter", "pvkdb/store/collections/shared_filters.py",
        "lambda v: column >= v", "lambda v: column <= v",
    ),
    Mutation(
        "sort direction", "pvkdb/store/collections/keyset.py",
        "expression.desc() if self.desc", "expression.desc() if not self.desc",
    ),
    Mutation(
        "dataset version", "pvkdb/store/curation/dataset.py",
        "DatasetVersion.loaded_at.desc()", "DatasetVersion.loaded_at.asc()",
    ),
    Mutation(
        "quotes in CSV", "pvkdb/store/files/table_files.py",
        'csv.writer(text, lineterminator="\\n")',
        'csv.writer(text, lineterminator="\\n", quoting=csv.QUOTE_NONE, escapechar="\\\\")',
    ),
    Mutation(
        "comparison in OPTIMADE", "api/pvkdb_api/optimade/filters.py",
        '"<": ">", ">": "<"', '"<": "<", ">": ">"',
    ),
    Mutation(
        "scope of a key", "api/pvkdb_api/frame/access.py",
        "if scope not in caller.scopes:", "if not caller.scopes:",
    ),
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutations; default: all")
    parser.add_argument("--check", action="store_true", help="only look for the texts")
    parser.add_argument("--processes", default="0", metavar="N", help="pytest processes")
    arguments = parser.parse_args()
    wanted = [m for m in MUTATIONS if not arguments.names or m.name in arguments.names]
    texts = [mutation.text() for mutation in wanted]
    print(f"{len(wanted)} texts found", flush=True)
    missed = 0
    if arguments.check:
        return 0
    with copy_of_tree() as tree:
        for mutation, text in zip(wanted, texts, strict=True):
            file = tree / mutation.path
            file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
            test = noticed_by(mutation, tree, arguments.processes)
            file.write_text(text, encoding="utf-8")
            print(f"{mutation.name:26}{test or 'NOT NOTICED'}", flush=True)
            missed += test is None
    print(f"{len(wanted) - missed} of {len(wanted)} noticed")
    return int(missed > 0)


@contextmanager
def copy_of_tree() -> Iterator[Path]:
    """A temporary copy of the files that git tracks, as they are in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    with tempfile.TemporaryDirectory(prefix="pvkdb-mutation-") as folder:
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                target = Path(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)
        yield Path(folder)


def noticed_by(mutation: Mutation, tree: Path, processes: str) -> str | None:
    """Return the first test that fails, or None where all pass.

    Raises:
        RuntimeError: the tests cannot be run.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (tree, tree / "pipelines", tree / "api"))),
        "OMP_NUM_THREADS": "1",
    }
    for files in stages(mutation, tree):
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", *files]
        command += ["-p", "no:cacheprovider", "--numprocesses", processes, "--dist", "loadfile"]
        ran = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, check=False
        )
        failed = re.search(r"^(?:FAILED|ERROR) (tests/.+?)(?: - |$)", ran.stdout, re.MULTILINE)
        if ran.returncode == 1 and failed:
            return failed[1]
        if ran.returncode not in (0, 5):  # 5: no test was chosen
            raise RuntimeError(f"{mutation.name}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return None


def stages(mutation: Mutation, tree: Path) -> Iterator[list[str]]:
    """Yield the test files that import the module, then its room, then all others."""
    left = sorted(path.relative_to(tree) for path in (tree / "tests").rglob("test_*.py"))
    package, _, name = map(re.escape, mutation.module.rpartition("."))
    imports = re.compile(rf"from {package}(\.{name} import| import .*\b{name}\b)")
    uses = {file: bool(imports.search((tree / file).read_text(encoding="utf-8"))) for file in left}
    for in_room, importing in ((True, True), (False, True), (True, False), (False, False)):
        stage = [
            str(file)
            for file in left
            if file.is_relative_to(mutation.room) == in_room and uses[file] == importing
        ]
        if stage:
            yield stage


if __name__ == "__main__":
    sys.exit(main())
