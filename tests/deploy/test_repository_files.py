"""Workflows, templates, citation and hooks: valid, and in step with the Makefile."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from ..conftest import lacks
from ..each import for_each

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)", ".venv/bin")
    (found,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    return [line.strip() for line in found.splitlines()]


@for_each(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.github-issue-forms", sorted(GITHUB.glob("ISSUE_TEMPLATE/[!c]*.yml"))),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
        ("vendor.citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_files_follow_their_schema(schema: str, paths: list[Path]) -> None:
    try:
        from check_jsonschema import main
    except ModuleNotFoundError:
        lacks("check-jsonschema is not installed (extra 'dev')")
    assert paths
    checked = CliRunner().invoke(main, ["--builtin-schema", schema, *map(str, paths)])
    assert checked.exit_code == 0, checked.output


def test_uv_gets_packages_where_pip_does(tmp_path: Path) -> None:
    programs = {"uv": 'env > "$HERE/env"; echo "$@" > "$HERE/args"', "python": 'exec "$PY" "$@"'}
    for name, lines in programs.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
    of_pip = (
        "[global]\nno-index = yes\ncert = /ca.pem\nfind-links = /one /two\nconstraint = c.txt\n"
    )
    (tmp_path / "pip.conf").write_text(of_pip)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    own = {
        "HERE": str(tmp_path),
        "PY": sys.executable,
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
    }
    subprocess.run([ROOT / ".ci/install", tmp_path, "demo"], env={"PATH": path, **own}, check=True)
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert seen["SSL_CERT_FILE"] == "/ca.pem"
    assert seen["UV_FIND_LINKS"] == "/one /two"
    assert seen["UV_CONSTRAINT"] == "constraints.txt c.txt"
    assert "--no-index" in (tmp_path / "args").read_text().split()


def test_workflows_run_targets_and_files_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))
    runs = [step["run"] for path in WORKFLOWS for step in steps(path) if "run" in step]
    made = {word for run in runs for line in re.findall(r"make (.+)", run) for word in line.split()}
    assert made >= {"lint", "test", "coverage", "dist", "wheel-test"}
    assert made <= targets
    named = {path for run in runs for path in re.findall(r"[\w./]+\.py|\.ci/run", run)}
    assert named
    assert all((ROOT / path).is_file() for path in named), named


def test_every_supported_python_is_tested_and_only_publishing_may_write() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = read(GITHUB / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert versions[0] == project["requires-python"].removeprefix(">=")
    assert versions == ["3.11", "3.12", "3.13"]
    for path in WORKFLOWS:
        assert read(path)["permissions"] == {"contents": "read"}
        for name, job in read(path)["jobs"].items():
            allowed = {"id-token": "write"} if (path.stem, name) == ("release", "publish") else None
            assert job.get("permissions") == allowed


def test_hooks_are_the_commands_of_make_lint() -> None:
    (local,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    entries = [hook["entry"] for hook in local["hooks"]]
    assert entries == [command.removesuffix(" .") for command in recipe("lint")]


def test_the_citation_is_that_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = read(ROOT / "CITATION.cff")
    assert str(citation["version"]) == project["version"]
    assert citation["license"] == project["license"]


def test_no_page_says_that_pvkdb_can_be_had_from_an_index() -> None:
    """It is installed from a checkout or a file of a release."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    said = {
        path.name
        for path in pages
        if re.search(r"pip install ['\"]?pvkdb\b", path.read_text(encoding="utf-8"))
    }
    assert said <= {"CHANGELOG.md"}
