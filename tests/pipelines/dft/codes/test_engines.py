"""The factory: engines by name, and a clear word where one is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pvkdb.errors import CalculationFailedError, InputError, MissingExtraError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftScfRequest, DftSettings
from pvkdb_pipelines.dft.codes.engines import load_engine
from pvkdb_pipelines.dft.codes.runs import RunLocation
from pvkdb_pipelines.dft.settings import complete_request
from pvkdb_pipelines.geometry.hosts import host_of

from ..conftest import CHEAP, ammonia


def settings(engine: str) -> DftSettings:
    request = DftScfRequest(
        formula="NH3", structure=host_of(ammonia()), settings=DftSettings.model_validate(
            {**CHEAP.model_dump(), "engine": engine}
        )
    )  # fmt: skip
    return complete_request(request).settings


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="did you mean 'espresso'"):
        load_engine("expresso", settings("espresso"))


def test_an_engine_needs_complete_settings() -> None:
    with pytest.raises(InputError, match="complete settings"):
        load_engine("espresso", DftSettings())


@pytest.mark.parametrize("command", ["no-such-pw.x", "/no/such/folder/pw.x"])
def test_no_pw_on_the_path_is_a_typed_failure(command: str) -> None:
    with pytest.raises(CalculationFailedError, match="PVKDB_PW_COMMAND") as caught:
        load_engine("espresso", settings("espresso"), RunLocation(pw_command=(command,)))
    assert caught.value.kind is FailureKind.PROGRAM_NOT_FOUND


def test_no_pseudopotentials_is_a_typed_failure(tmp_path: Path) -> None:
    location = RunLocation(pw_command=(sys.executable,), pseudo_dir=tmp_path)
    with pytest.raises(CalculationFailedError, match="PVKDB_PSEUDO_DIR") as caught:
        load_engine("espresso", settings("espresso"), location)
    assert caught.value.kind is FailureKind.PSEUDOPOTENTIAL_MISSING


def test_gpaw_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpaw", None)
    with pytest.raises(MissingExtraError, match=r"pvkdb\[gpaw\]"):
        load_engine("gpaw", settings("gpaw"))


def test_vasp_without_a_command_is_a_typed_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASE_VASP_COMMAND", "VASP_COMMAND", "VASP_SCRIPT", "VASP_PP_PATH"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CalculationFailedError, match="export-inputs") as caught:
        load_engine("vasp", settings("vasp"))
    assert caught.value.kind is FailureKind.PROGRAM_NOT_FOUND
    monkeypatch.setenv("ASE_VASP_COMMAND", "vasp_std")
    with pytest.raises(CalculationFailedError, match="VASP_PP_PATH") as caught:
        load_engine("vasp", settings("vasp"))
    assert caught.value.kind is FailureKind.PSEUDOPOTENTIAL_MISSING


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
