"""The factory: engines by name, and a clear word where one is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pvkdb.errors import InputError, MissingExtraError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb_pipelines.dft.codes.engines import load_engine
from pvkdb_pipelines.dft.codes.runs import RunLocation
from pvkdb_pipelines.dft.settings import complete_request

from ...conftest import fails
from ..conftest import CHEAP, ammonia, scf

NO_PROGRAM = FailureKind.PROGRAM_NOT_FOUND


def settings(engine: str) -> DftSettings:
    chosen = DftSettings.model_validate({**CHEAP.model_dump(), "engine": engine})
    return complete_request(scf(ammonia(), "NH3", chosen)).settings


@pytest.mark.parametrize(
    ("engine", "given", "kind", "words"),
    [
        ("espresso", {"pw_command": ("no-such-pw.x",)}, NO_PROGRAM, "PVKDB_PW_COMMAND"),
        ("espresso", {"pw_command": ("/no/such/pw.x",)}, NO_PROGRAM, "PVKDB_PW_COMMAND"),
        (
            "espresso",
            {"pw_command": (sys.executable,), "pseudo_dir": Path(__file__).parent},
            FailureKind.PSEUDOPOTENTIAL_MISSING,
            "PVKDB_PSEUDO_DIR",
        ),
        ("vasp", {}, NO_PROGRAM, "pvkdb export-inputs ID"),  # it is run by hand alone
    ],
)
def test_what_an_engine_needs_and_is_not_there_is_a_typed_failure(engine, given, kind, words):
    with fails(kind, words):
        load_engine(engine, settings(engine), RunLocation(**given))


def test_engines_that_are_none_or_not_installed_are_refused(monkeypatch) -> None:
    with pytest.raises(InputError, match="did you mean 'espresso'"):
        load_engine("expresso", settings("espresso"))
    with pytest.raises(InputError, match="complete settings"):
        load_engine("espresso", DftSettings())
    monkeypatch.setitem(sys.modules, "gpaw", None)
    with pytest.raises(MissingExtraError, match=r"pvkdb\[gpaw\]"):
        load_engine("gpaw", settings("gpaw"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PVKDB_DFT_MAX_SECONDS", "soon", "'soon'"),
        ("PVKDB_DFT_MAX_SECONDS", "-1", "positive number"),
        ("PVKDB_DFT_MAX_SECONDS", "inf", "positive number"),
        ("PVKDB_PW_COMMAND", " ", "is empty"),
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        RunLocation.from_environment({name: value})


def test_the_environment_says_where_to_run() -> None:
    location = RunLocation.from_environment(
        {
            "PVKDB_PW_COMMAND": "mpirun -np 4 pw.x",
            "PVKDB_PSEUDO_DIR": "/data/pseudo",
            "PVKDB_DFT_MAX_SECONDS": "3500",
        }
    )
    assert location.pw_command == ("mpirun", "-np", "4", "pw.x")
    assert location.pseudo_dir == Path("/data/pseudo")
    assert location.max_seconds == 3500
