"""What users see of the operations, frozen: commands, answers, routes, client methods, exports.

``tests/data/golden/*.json`` holds what they showed when they were frozen. A change on purpose is
written with ``PVKDB_WRITE_GOLDEN=1 python -m pytest tests/test_golden.py``; its diff is the list of
what changes for users.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.client import AsyncClient, Client
from pvkdb.local import LocalClient, open_store
from pvkdb.operations import declared
from pvkdb.schemas.tables import TABLES

from .structures import CIF

GOLDEN = Path(__file__).parent / "data" / "golden"
API = "/api/v1"
#: Characters of an error that are compared; the rest lists what the store holds.
SHOWN = 140

FOUR = ["CsPbBr3", "Cs2SnI6", "MAPbI₃", "Rb0.5Li0.5BaF3"]
#: Options of the command of each operation. The same request of the service follows from them, but
#: for texts and lists.
ANSWERS: dict[str, list[str | tuple[str, dict[str, Any]]]] = {
    "tolerances": [(" ".join(FOUR), {"formulas": FOUR})],
    "similar_structures": [("mine.cif", {"cif": CIF})],
    "crossbar": [
        "--on-off 1000 --selectivity 514 --thickness-nm 60",
        "--device d-t4-r01 --r-lrs 1e4 --line-resistance 10 --size 16",
        "--on-off inf --r-lrs 1e4 --pull-up 5e3 --margin 0.2",
    ],
    "kinetics": [
        "CH3NH3PbI3",
        "--device d-t4-r06 --thickness-nm 100",
        "--e-a 0.35 --dfe 1.32:2.67 --bias-v 0.5:2 --temperature-k 280:350 --write-time-s 1e-3",
    ],
}

#: Requests that cannot be answered, likewise.
REFUSED: dict[str, list[str | tuple[str, dict[str, Any]]]] = {
    "tolerances": [("", {"formulas": []}), ("C" * 201, {"formulas": ["C" * 201]})],
    "similar_structures": [("nothing.cif", {"cif": "data_x"}), ("no.cif", {"cif": ""})],
    "crossbar": [
        *("", "--on-off 10 --device d-t4-r01", "--on-off 0.5", "--on-off nan"),
        *("--on-off 10 --r-lrs -5", "--on-off 10 --r-lrs nan", "--on-off 10 --size 0"),
        *("--on-off 10 --size 513", "--on-off 10 --margin 1", "--on-off 10 --line-resistance 1"),
        *("--on-off 10 --thickness-nm 0", "--device d-t4-r15", "--device nope"),
    ],
    "kinetics": [
        *("", "CsPbBr3 --e-a 1", "CsPbBr3 --dfe 1", "--e-a x", "--e-a -1", "--e-a 1 --dfe 2:1"),
        *("--e-a 1 --thickness-nm -3", "--e-a 1 --bias-v nan", "--e-a 1 --temperature-k nan"),
        *("--e-a 1 --write-time-s nan", "CsPbF3", "Xx9", "--device nope"),
    ],
}
#: Parameters of the service whose options have shorter names.
LONGER = {
    "on_off": "on_off_ratio",
    "r_lrs": "r_lrs_ohm",
    "pull_up": "pull_up_ohm",
    "line_resistance": "line_resistance_ohm",
    "e_a": "e_a_ev",
    "dfe": "dfe_ev",
}


def both(asked: str | tuple[str, dict[str, Any]]) -> tuple[str, str | dict[str, Any]]:
    """Options of a command, and the same request of the service."""
    if not isinstance(asked, str):
        return asked
    words, query = iter(asked.split()), []
    for word in words:
        name = word.removeprefix("--").replace("-", "_")
        option = word.startswith("--")
        query.append(f"{LONGER.get(name, name)}={next(words)}" if option else f"formula={word}")
    return asked, "&".join(query)


#: Options that the commands of queued operations refuse.
QUEUEING: dict[str, list[str]] = {
    "simulate": [
        *("CsPbBr3 --thickness-nm 100", "CsPbBr3 --rate 100", "CsPbBr3 --axis a"),
        "CsPbBr3 --output device.txt --stack a/CsPbBr3/b",
        "MAPbI3 --stack ITO/MAPbI3/Ag",
        "CsPbBr3 --stack ITO/CsPbBr3/Ag --axis d",
        "CsPbBr3 --stack ITO/CsPbBr3/Ag --rate 0",
        "CsPbBr3 --stack ITO/CsPbBr3/Ag --set vacancies=2:1",
        "CsPbBr3-Pnma --stack ITO/CsPbBr3/Ag",
        "CsPbBr3-Pnma --stack ITO/CsPbBr3/Ag --thickness-nm 200 --bias-v 1 --set vacancies=2",
    ],
    "examine": [
        *("", "PCM FeFET", "d-none", "d-t4-r15", "EpiRAM --task henon --images mnist"),
        *("EpiRAM --seeds 0", "PCM --line-ohm 2", "PCM --images no-folder"),
        *("EpiRAM --task nothing", "--task puf", "--task nociceptor --set r_on=x"),
        "EpiRAM --at-s -1 --task inference",
    ],
    "neb": ["CsPbBr3 --defect V_Cl", "CsPbBr3 --images 1"],
    "md": ["none --temperature-k 700", "e1 --temperature-k 0"],
    "dft": [
        *("none", "none --kpoints 2", "none --method nothing", "none --fmax 0.1"),
        "none --smearing warm",
    ],
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files for commands, in the folder in which they run."""
    monkeypatch.chdir(tmp_path)
    Path("mine.cif").write_text(CIF, encoding="utf-8")
    Path("nothing.cif").write_text("data_x", encoding="utf-8")


@pytest.fixture(scope="module")
def database(loaded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("golden") / "golden.sqlite"
    shutil.copy(loaded_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def local(database: str) -> Iterator[LocalClient]:
    with open_store(database) as client:
        yield client


def compare(name: str, found: Any) -> None:
    """Compare with what was frozen under a name, or freeze it."""
    path = GOLDEN / f"{name}.json"
    if os.environ.get("PVKDB_WRITE_GOLDEN") == "1":
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert json.loads(json.dumps(found)) == json.loads(path.read_text(encoding="utf-8"))


def rounded(document: Any) -> Any:
    """Eight digits, which do not depend on the machine."""
    if isinstance(document, float):
        return float(f"{document:.8g}")
    if isinstance(document, dict):
        return {name: rounded(each) for name, each in document.items()}
    return [rounded(each) for each in document] if isinstance(document, list) else document


def command_name(name: str) -> str:
    """How the command of an operation is called; one that is written by hand has its own name."""
    return declared()[name].command_name if name in declared() else name


def run(database: str, name: str, options: str, *more: str) -> Result:
    words = [*command_name(name).split(), *options.split(" " if options else None)]
    return CliRunner().invoke(app, [*words, *more, "--database", database])


def command(database: str, name: str, options: str) -> Any:
    """The outcome of a command: its JSON, or the error that it ends with."""
    outcome = run(database, name, options, "--json")
    if outcome.exception:
        return f"{type(outcome.exception).__name__}: {outcome.exception}"[:SHOWN]
    return rounded(json.loads(outcome.stdout))


def printed(database: str, name: str, options: str) -> list[str]:
    """What a command prints for people, line by line; it fits a page."""
    lines = run(database, name, options).stdout.split("\n")
    assert max(map(len, lines)) <= 100
    return [line.rstrip() for line in lines]


def served(local: LocalClient, name: str, query: str | dict[str, Any]) -> Any:
    """What the service answers, and what the client makes of it."""
    operation = declared()[name]
    if isinstance(query, dict):
        answer = local._http.post(API + operation.path, json=query)
    else:
        answer = local._http.get(f"{API}{operation.path}?{query}")
    document = rounded(answer.json())
    if answer.is_error:
        return document
    found = local.call(name, **(query if isinstance(query, dict) else dict(parse_qsl(query))))
    if operation.many:
        assert rounded([each.model_dump(mode="json") for each in found]) == document["data"]
        return document["data"]
    assert rounded(found.model_dump(mode="json")) == document
    return document


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str, database: str, local: LocalClient) -> None:
    found = []
    for options, query in map(both, ANSWERS[name]):
        document = command(database, name, options)
        assert served(local, name, query) == document
        shown = printed(database, name, options)
        found.append({"options": options, "query": query, "document": document, "printed": shown})
    compare(f"answers_{name}", found)


def test_the_arrays_of_the_devices(database: str, local: LocalClient) -> None:
    arrays = command(database, "device_arrays", "")
    assert served(local, "device_arrays", "") == arrays
    assert all((each["size"] is None) == (each["reason"] is not None) for each in arrays)
    compare("answers_crossbar_devices", arrays[:3])
    compare("printed_crossbar_devices", printed(database, "device_arrays", ""))


@pytest.mark.parametrize(
    ("name", "options"),
    [("tolerances", "CsPbI3"), ("crossbar", "--on-off 1e3"), ("kinetics", "--e-a 0.58")],
)
def test_what_reads_nothing_needs_no_database(name: str, options: str, tmp_path: Path) -> None:
    assert run(f"sqlite:///{tmp_path}/new.sqlite", name, options).exit_code == 0
    assert not (tmp_path / "new.sqlite").exists()


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str, database: str, local: LocalClient) -> None:
    found = []
    for options, query in map(both, REFUSED[name]):
        problem = served(local, name, query)
        said = [problem["status"], problem["detail"][:SHOWN], problem.get("parameter")]
        found.append([options, command(database, name, options), query, said])
    compare(f"refusals_{name}", found)


@pytest.mark.parametrize("name", QUEUEING)
def test_refusals_before_the_queue(name: str, database: str) -> None:
    said = {options: command(database, name, options) for options in QUEUEING[name]}
    compare(f"refusals_{name}", said)


@pytest.mark.parametrize("name", [*ANSWERS, *QUEUEING])
def test_help(name: str) -> None:
    words = [command_name(name), "--help"]
    shown = CliRunner().invoke(app, words, env={"COLUMNS": "100"})
    compare(f"help_{name}", shown.output.split("\n"))


def test_the_description_of_the_routes(local: LocalClient) -> None:
    paths = local._http.get("/openapi.json").json()["paths"]
    wanted = sorted(each.path for each in declared().values())
    compare("openapi", {path: paths[API + path] for path in wanted})


def test_the_methods_of_the_clients() -> None:
    def signature(call: Callable[..., Any]) -> str:
        return re.sub(r"pvkdb[\w.]*\.", "", str(inspect.signature(call)))

    blocking, awaiting = Client("http://localhost"), AsyncClient("http://localhost")
    calls = {
        name: [signature(attrgetter(name)(client)) for client in (blocking, awaiting)]
        for name in sorted(each.method for each in declared().values() if each.method)
    }
    blocking.close()
    compare("client", calls)


def test_the_exports(database: str) -> None:
    found = {}
    for name in TABLES:
        outcome = CliRunner().invoke(
            app, ["export", name, "--format", "csv", "--database", database]
        )
        # Nine digits of long numbers: the last ones follow the processor.
        text = re.sub(r"-?\d+\.\d{9,}(e-?\d+)?", lambda n: f"{float(n[0]):.9g}", outcome.stdout)
        found[name] = hashlib.sha256(text.encode()).hexdigest()
    compare("exports", found)
