"""Run scripts in forks of one process, which imports once what several of them need.

Each line of standard input is a list: the script, its arguments, the file for its output. The
answer is a line with the exit status. ``tests/test_scripts.py`` starts it.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import traceback

PRELOADED = (
    "chgnet.model",
    "pandas",
    "pvkdb.store.migrate",
    "pvkdb_api.app",
    "pvkdb_pipelines.migration.compute",
    "pvkdb_pipelines.potentials.loading",
    "pvkdb_pipelines.screening.funnel",
    "scipy.stats",
)


def main() -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        script, words, output = json.loads(line)
        child = os.fork()
        if not child:
            run(script, words, output)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def run(script: str, words: list[str], output: str) -> None:
    """Run a script as Python would, and end the process."""
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.argv = [script, *words]
    if not script.startswith("validation/"):  # those run with -m
        sys.path.insert(0, os.path.dirname(script))
    status: int = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 3
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
