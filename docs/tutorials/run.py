"""Execute the tutorials and keep their outputs: python docs/tutorials/run.py [NAME…].

Each runs in a copy of its folder, on a store of its own. With ``--check`` the notebooks stay as
they are; a cell that raises an error, or shows another kind of output than before, is a failure.
``--store=FILE`` copies a store that ``pvkdb init`` has made, so that computed results are not
loaded once more.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
#: What a terminal does while a command works: codes, a turning sign with its text, filled lines.
_WAITING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\u2801-\u28ff] [^\u2801-\u28ff\n]*|\r")
#: Longest time of a cell in seconds; a whole tutorial takes less.
LIMIT_S = 600
#: Most characters of the plain text beside HTML.
MOST_PLAIN = 200


def executed(path: Path, folder: Path, store: str) -> Any:
    """Return a notebook, executed in an empty folder or beside a copy of a store."""
    place = folder / "tutorials"
    shutil.copytree(HERE, place, ignore=shutil.ignore_patterns("*.sqlite*", "__pycache__"))
    shutil.copytree(HERE.parent / "examples", folder / "examples")
    if store:
        shutil.copy(store, place / "tutorial.sqlite")
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PVKDB_")}
    environment = kept | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "OMP_NUM_THREADS": "1"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
    book = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(place)}}
    client = NotebookClient(book, timeout=LIMIT_S, resources=resources, record_timing=False)
    client.execute(env=environment)
    return cleaned(book, (str(folder), str(Path.home()), socket.gethostname()))


def cleaned(book: Any, private: tuple[str, ...]) -> Any:
    """Return a notebook without what belongs to the machine.

    Raises:
        SystemExit: it names a path or the machine.
    """
    named = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book.metadata = {"kernelspec": named, "language_info": {"name": "python"}}
    for cell in (each for each in book.cells if each.cell_type == "code"):
        cell.metadata = {}
        printed = "".join(each.text for each in cell.outputs if each.get("name") == "stdout")
        others = [each for each in cell.outputs if each.output_type != "stream"]
        text = re.sub(r" +$", "", _WAITING.sub("", printed), flags=re.M)
        text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
        cell.outputs = [nbformat.v4.new_output("stream", text=f"{text}\n")] * bool(text) + others
        for data in (each.get("data", {}) for each in cell.outputs):
            if "text/html" in data:
                data["text/plain"] = data["text/plain"][:MOST_PLAIN]
    text = nbformat.writes(book)
    # A short name of a machine is a part of words.
    if found := [name for name in private if len(name) > 4 and name in text]:
        raise SystemExit(f"an output names {found[0]}; let the notebook not show it")
    return book


def shape(book: Any) -> list[Any]:
    """Return the kinds of the outputs of each cell."""
    return [
        [(each.output_type, sorted(each.get("data", {}))) for each in cell.get("outputs", ())]
        for cell in book.cells
    ]


def main(names: list[str], check: bool, store: str) -> None:
    """Execute the named notebooks, or all."""
    names = [name.removesuffix(".ipynb") for name in names]
    for path in sorted(HERE.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        with TemporaryDirectory() as folder:
            book = executed(path, Path(folder), store)
        if not check:
            nbformat.write(book, path)
        elif shape(book) != shape(nbformat.read(path, as_version=4)):
            raise SystemExit(f"{path.name} shows other outputs; run docs/tutorials/run.py")
        print(path.name)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="*", metavar="NAME", help="notebooks; default: all")
    options.add_argument("--check", action="store_true", help="leave the notebooks as they are")
    options.add_argument("--store", default="", metavar="FILE", help="a store to begin from")
    given = options.parse_args()
    main(given.names, given.check, given.store)
