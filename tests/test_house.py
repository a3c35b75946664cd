"""The shape of the packages and the scripts: small rooms, no two classes of one name, no fragments.

Exceptions are listed with their reasons; a test also fails when an exception is no longer needed.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "pvkdb": ROOT / "pvkdb",
    "pvkdb_pipelines": ROOT / "pipelines" / "pvkdb_pipelines",
    "pvkdb_api": ROOT / "api" / "pvkdb_api",
}
#: Folders of scripts beside them; each may use those before it.
SCRIPTS = ("validation", "curation", "benchmarks")

#: Modules in a folder, ``__init__`` not counted.
MOST_MODULES = 12
#: A module of fewer lines that only one other module imports belongs into that one.
FEWEST_LINES = 80

#: Folder: why it may hold more than MOST_MODULES.
LARGE_FOLDERS = {
    "tests": "tests of the whole, and what tests share",
    "tests.api.rest": "one file a part of the REST interface",
    "tests.pvkdb.chemistry": "as the room it tests",
    "tests.pvkdb.literature": "as the room it tests, and its desk",
}

#: Class name: why it may occur twice.
REPEATED_CLASSES = {
    "Collection": "that of the store, and the client's public name for one",
    "Composition": "the value of chemistry, and the table of the store",
}

#: Module: why it is apart although it is small and has one importer.
SMALL_MODULES = {
    "pvkdb.store.files.backup": "store, below the command that uses it",
    "pvkdb.store.security.idempotency": "store, below the service that uses it",
    "pvkdb_pipelines.dft.codes.launch": "a program of its own",
    "pvkdb_pipelines.engines.interchange": "a program of its own",
    "pvkdb_api.optimade.entries.references": "one file an entry type",
}


@cache
def modules() -> dict[str, Path]:
    """Each module's dotted name and file; a package is named like its folder."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = (package, *path.relative_to(folder).with_suffix("").parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def beside() -> dict[str, Path]:
    """Each script's and test's dotted name and file, like those of modules."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for folder in (*SCRIPTS, "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(name: str) -> Iterator[str]:
    """The modules that a module imports, also inside functions and for type checking."""
    for node in ast.walk(tree(modules()[name])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".")
                is_package = modules()[name].name == "__init__.py"
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, base] if base else parts)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in modules() else base


def importers() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for name in modules():
        for imported in imports(name):
            if imported in modules() and imported != name:
                found[imported].add(name)
    return found


def test_no_folder_is_too_large() -> None:
    counts: dict[str, int] = defaultdict(int)
    for name, path in (modules() | beside()).items():
        if path.name != "__init__.py":
            counts[name.rpartition(".")[0]] += 1
    large = {folder for folder, count in counts.items() if count > MOST_MODULES}
    assert large == set(LARGE_FOLDERS)


def test_no_class_name_occurs_twice() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for name, path in modules().items():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)
    repeated = {name: where for name, where in places.items() if len(where) > 1}
    assert {n: w for n, w in repeated.items() if n not in REPEATED_CLASSES} == {}
    assert set(REPEATED_CLASSES) <= set(repeated)


def test_no_module_is_a_fragment_of_its_only_importer() -> None:
    by = importers()
    fragments = {}
    for name, path in modules().items():
        if path.name == "__init__.py" or len(by[name]) != 1:
            continue
        lines = len(path.read_text(encoding="utf-8").splitlines())
        (only,) = by[name]
        # What a package offers in its __init__ is for everybody.
        if lines < FEWEST_LINES and modules()[only].name != "__init__.py":
            fragments[name] = f"{lines} lines, imported by {only}"
    assert {n: why for n, why in fragments.items() if n not in SMALL_MODULES} == {}
    assert set(SMALL_MODULES) <= set(fragments)


def test_scripts_import_one_way() -> None:
    """``lint-imports`` checks the packages; here, the rooms of scripts beside them."""
    scripts = {name: path for name, path in beside().items() if not name.startswith("tests.")}
    floors = (*PACKAGES, *SCRIPTS, "tests")
    found: dict[str, set[str]] = {}
    for name, path in (scripts | modules()).items():
        found[name] = set()
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{each.name}" for each in node.names}
                found[name] |= {node.module} | inner
            elif isinstance(node, ast.Import):
                found[name] |= {each.name for each in node.names}
    # Benchmarks compare what validation has computed.
    for name, imported in found.items():
        own = max(floors.index(name.partition(".")[0]), len(PACKAGES) - 1)
        later = [each for each in imported if each.partition(".")[0] in floors[own + 1 :]]
        assert not later, f"{name} imports {later}"
    used = {each: found[each] & scripts.keys() for each in scripts}
    TopologicalSorter(used).prepare()
    rooms: dict[str, set[str]] = defaultdict(set)
    for name, imported in used.items():
        rooms[room(name)] |= {room(each) for each in imported} - {room(name)}
    TopologicalSorter(rooms).prepare()


def room(script: str) -> str:
    """The folder that a script is in; what rooms share is each a room of its own."""
    return script.rpartition(".")[0] if script.count(".") > 1 else script


def test_no_file_holds_both_sides_of_a_merge() -> None:
    """Git marks a conflict by lines of seven signs; a rebase once put some into the docs."""
    marks = [sign * 7 + " " for sign in "<>"]
    texts = {".md", ".py", ".toml", ".csv", ".html", ".css", ".js", ".yaml", ".yml"}
    kept = ("api", "docs", "pipelines", "pvkdb", "tests", *SCRIPTS)
    found = [
        str(path.relative_to(ROOT))
        for path in (*ROOT.glob("*"), *(each for name in kept for each in (ROOT / name).rglob("*")))
        if path.suffix in texts and path.is_file()
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.startswith(tuple(marks))
    ]
    assert not found
