"""The Dockerfile and the compose file, as far as they can be checked without a container engine.

`tests/container.sh` runs the commands of the Dockerfile in a plain virtual environment.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.store.queue.kept_files import SETTING as FILES_URL
from pvkdb_api.core.settings import PREFIX, ServiceSettings

from ..conftest import lacks

ROOT = Path(__file__).parents[2]
SETTINGS = {PREFIX + name.upper() for name in ServiceSettings.model_fields}


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, continued lines joined."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").split("\n")
    kept = [line for line in lines if line.strip() and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in kept)]


def arguments(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def has_options(command: list[str]) -> bool:
    """Whether a command of pvkdb has the options that are given to it."""
    shown = CliRunner().invoke(app, [command[0], "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    return all(word in shown.output for word in command if word.startswith("--"))


def test_the_image_installs_extras_that_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = next(rest for rest in arguments("ARG") if rest.startswith("EXTRAS="))
    chosen = {*extras.removeprefix("EXTRAS=").split(","), "all"}
    assert chosen <= set(project["optional-dependencies"])


def test_what_the_build_copies_is_there_and_nothing_else_travels() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert lines[0] == "*"
    let_in = [line[1:] for line in lines if line.startswith("!")]
    assert all((ROOT / name).exists() for name in let_in)
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = built["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], *built["project"]["license-files"]}
    needed |= {"pyproject.toml", "README.md", "hatch_build.py", "constraints.txt"}
    assert all(any(f"{each}/".startswith(f"{name}/") for name in let_in) for each in needed)


def test_the_image_runs_as_a_user_without_rights_and_stops_by_the_signal_that_is_handled() -> None:
    assert arguments("USER") == ["pvkdb"]
    assert arguments("STOPSIGNAL") == ["SIGTERM"]
    assert json.loads(arguments("ENTRYPOINT")[0]) == ["pvkdb"]


def test_the_command_of_the_image_exists_with_its_options() -> None:
    assert has_options(json.loads(arguments("CMD")[0]))
    check = json.loads(arguments("HEALTHCHECK")[0].partition("CMD ")[2])
    assert check[:2] == ["python", "-c"]
    compile(check[2], "HEALTHCHECK", "exec")
    assert "/livez" in check[2]


def test_variables_of_both_files_are_settings(compose: dict[str, Any]) -> None:
    named = set(re.findall(r"\bPVKDB_\w+", (ROOT / "Dockerfile").read_text(encoding="utf-8")))
    for service in compose["services"].values():
        named |= {name for name in service["environment"] if name.startswith(PREFIX)}
    assert named <= SETTINGS | {"PVKDB_DATABASE_URL", FILES_URL}


def test_the_compose_file_says_what_depends_on_what(compose: dict[str, Any]) -> None:
    services = compose["services"]
    of_replica = {name for name, each in services.items() if each.get("profiles") == ["replica"]}
    assert of_replica == {"standby", "reader"}
    assert set(services) - of_replica == {"database", "init", "service", "worker"}
    assert services["standby"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["reader"]["depends_on"]["standby"] == {"condition": "service_healthy"}
    assert services["init"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in ("service", "worker"):
        waits = services[name]["depends_on"]
        assert waits == {"init": {"condition": "service_completed_successfully"}}
    for name in ("init", "service", "worker"):
        url = services[name]["environment"]["PVKDB_DATABASE_URL"]
        assert url.startswith("postgresql://pvkdb:${PVKDB_DB_PASSWORD:?")
        assert url.endswith("@database/pvkdb")
        assert has_options(services[name]["command"])
    grace = int(services["service"]["stop_grace_period"].removesuffix("s"))
    assert grace > ServiceSettings.model_fields["shutdown_grace_s"].default
    assert all(port.startswith("127.0.0.1:") for port in services["service"]["ports"])
    probe = services["service"]["healthcheck"]["test"]
    compile(probe[-1], "healthcheck", "exec")
    assert "/readyz" in probe[-1]


def test_containers_have_no_rights_and_write_to_volumes_and_memory_only(
    compose: dict[str, Any],
) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert any(each.partition(":")[0] == "/tmp" for each in service["tmpfs"]), name
        assert re.fullmatch(r"\d+g", service["mem_limit"]), name
        assert ("cap_add" in service) == (name == "database"), name
        assert not {"privileged", "network_mode", "pid"} & set(service), name
        assert service.get("user") == ("postgres" if name == "standby" else None), name


def test_service_and_worker_keep_files_in_one_volume(compose: dict[str, Any]) -> None:
    assert "files" in compose["volumes"]
    for name in ("service", "worker", "reader"):
        folder = compose["services"][name]["environment"][FILES_URL]
        only_read = ":ro" if name == "reader" else ""
        assert compose["services"][name]["volumes"] == [f"files:{folder}{only_read}"]
        # A new volume takes the owner of the folder in the image.
        assert any(
            re.search(rf"install .*--owner pvkdb .*{re.escape(folder)}$", command)
            for command in arguments("RUN")
        )


def accepted(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `docker-compose config` says, which checks against its schema and needs no engine."""
    if shutil.which("docker-compose") is None:
        lacks("docker-compose is not installed")
    command = ["docker-compose", "--file", str(ROOT / "compose.yaml"), *options, "config"]
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return subprocess.run(
        [*command, "--format", "json"], capture_output=True, text=True, env=others | environment
    )


def test_compose_itself_accepts_the_file_and_wants_a_password() -> None:
    without = accepted()
    assert without.returncode != 0
    assert "PVKDB_DB_PASSWORD" in without.stderr
    services = json.loads(accepted(PVKDB_DB_PASSWORD="secret").stdout)["services"]
    assert {*services} == {"database", "init", "service", "worker"}
    url = "postgresql://pvkdb:secret@database/pvkdb"
    assert services["worker"]["environment"]["PVKDB_DATABASE_URL"] == url
    assert services["service"]["environment"]["PVKDB_DATABASE_URL"] == url
    assert services["worker"]["build"]["args"] == {"EXTRAS": "all"}
    assert all(service["read_only"] and service["cap_drop"] for service in services.values())


def test_compose_itself_accepts_the_replica() -> None:
    """The reader has the settings of the service, but for its database and port."""
    settings = {"PVKDB_DB_PASSWORD": "secret", "PVKDB_READING": "key"}
    services = json.loads(accepted("--profile", "replica", **settings).stdout)["services"]
    first, reader = services["service"]["environment"], services["reader"]["environment"]
    assert {name for name in first if first[name] != reader[name]} == {"PVKDB_DATABASE_URL"}
    assert reader["PVKDB_DATABASE_URL"] == "postgresql://pvkdb:secret@standby/pvkdb"
    assert reader["PVKDB_READING"] == "key"
    assert services["reader"]["command"] == services["service"]["command"]
    ports = [services[name]["ports"][0]["published"] for name in ("service", "reader")]
    assert ports == ["8000", "8001"]
    assert services["standby"]["environment"]["PGHOST"] == "database"
    for name in ("service", "worker"):
        (volume,) = services[name]["volumes"]
        assert (volume["type"], volume["source"]) == ("volume", "files")
