"""What docs/optimade.md shows, runs; what it lists, is all there is."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path

from pvkdb_api.optimade.entries.structures import STRUCTURES

from ...patience import get
from .conftest import VACANCY

PAGE = (Path(__file__).parents[3] / "docs" / "optimade.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_python_examples_run(address, capsys):
    get(f"{address}/optimade/v1/info")  # loads OPTIMADE; pymatgen waits for 5 s
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pymatgen on its other providers
        for example in blocks("python"):
            exec(compile(example.replace("http://127.0.0.1:8000", address), "optimade.md", "exec"))
    out = capsys.readouterr().out
    for line in ("cspbi3-gamma CsPbI3", "cspbi3-delta CsPbI3", f"{VACANCY} Cs4Pb4I11"):
        assert line in out
    assert "AgBiBr6Cs2" in out


def test_addresses_answer(address):
    commands = "".join(blocks("bash")).replace("\\\n", "").split("\n")
    curls = [shlex.split(line) for line in commands if line.startswith("curl")]
    assert len(curls) == 3
    for words in curls:
        (url,) = (word for word in words if word.startswith("http"))
        sent = [word.split("=", 1) for word in words if re.match(r"\w+=", word)]
        answer = get(url.replace("http://127.0.0.1:8000", address), params=dict(sent) or None)
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"] or "trajectories" in url  # of which that store has none


def test_every_property_of_ours_is_in_the_table():
    listed = set(
        re.findall(r"`(_pvkdb_\w+)`", "".join(re.findall(r"^\| .*\|$", PAGE, re.MULTILINE)))
    )
    assert listed == {name for name in STRUCTURES.properties if name.startswith("_pvkdb_")}
