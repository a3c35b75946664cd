"""What the documentation tells people to run, runs."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import ServiceSettings
from pvkdb_pipelines.screening.plan.plan import parse_plan

from .programs import listening, module_at

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("index", "install", "use", "how-to", "deploy", "cite")),
]
#: Every page of the repository; those that git ignores are made from the code.
ALL = [
    path
    for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("pvkdb/*/README.md"))
    if path.relative_to(ROOT).as_posix() != "docs/reference/commands.md"
    and path.parent != DOCS / "reference" / "rest"
]

#: Commands that compute for long, never end or need the network; their options are checked, not
#: their work.
LONG = (
    *("fetch-structures", "neb", "screen", "serve", "simulate", "examine", "work", "demo"),
    *("draft", "papers", "references"),
)


def blocks(page: Path, language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [text.replace("\\\n", " ") if language == "bash" else text for text in found]


def commands() -> list[str]:
    lines = [line for page in PAGES for block in blocks(page, "bash") for line in block.split("\n")]
    return [line.partition("#")[0].strip() for line in lines if line.startswith("pvkdb ")]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, loaded_sqlite: Path) -> Iterator[str]:
    """A real server on a loopback port, with the literature loaded."""
    path = shutil.copy(loaded_sqlite, tmp_path_factory.mktemp("docs"))
    app = create_app(f"sqlite:///{path}", ServiceSettings(allow_local_writes=True))
    with listening(app) as address, pytest.MonkeyPatch.context() as environment:
        environment.setenv("PVKDB_URL", address)
        environment.setenv("PVKDB_API_KEY", app.state.local_key)
        yield address


@pytest.mark.slow
def test_short_commands_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(commands()) >= 8
    for command in commands():
        words = shlex.split(command)
        if words[1] in LONG:
            continue
        target = words.pop() if ">" in words else None
        words = [word for word in words[1:] if word != ">"]
        outcome = CliRunner().invoke(app, words)
        assert outcome.exit_code == 0, (command, outcome.output)
        if target is not None:
            (tmp_path / target).write_text(outcome.stdout, encoding="utf-8")


def test_commands_of_every_page_have_the_options_shown() -> None:
    lines = [line for page in ALL for each in blocks(page, "bash") for line in each.split("\n")]
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("pvkdb ")]
    assert len(commands) >= 100
    helps: dict[tuple[str, ...], str] = {}
    for command in commands:
        group = command[1] in ("jobs", "keys", "papers", "references", "schedule")
        parts = tuple(
            word for word in command[1 : 2 + group] if re.fullmatch(r"[a-z][a-z-]*", word)
        )
        parts += ("list",) if parts == ("jobs",) else ()  # which is what it does alone
        if parts not in helps:
            shown = CliRunner().invoke(app, [*parts, "--help"], env={"COLUMNS": "200"})
            assert shown.exit_code == 0, command
            helps[parts] = shown.output
        options = [word.partition("=")[0] for word in command if word.startswith("--")]
        assert all(option in helps[parts] for option in options), command


@pytest.mark.slow
def test_a_file_becomes_a_ranked_device_as_the_tutorial_says(
    tmp_path: Path, loaded_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    part = page.partition("## From a file to a ranked device")[2].partition("\n## ")[0]
    shutil.copy(ROOT / "docs" / "examples" / "siox_two_states.csv", tmp_path)
    shutil.copy(loaded_sqlite, tmp_path / "pvkdb.sqlite")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    device = tmp_path / "device.yaml"
    commands = [
        c for b in re.findall(r"```bash\n(.*?)```", part, re.DOTALL) for c in b.splitlines()
    ]
    answers = []
    for command in filter(None, commands):
        if command.startswith("pvkdb import device.yaml --dry-run"):
            assert CliRunner().invoke(app, shlex.split(command, comments=True)[1:]).exit_code
            (shown,) = re.findall(r"```yaml\n(.*?)```", part, re.DOTALL)
            filled = device.read_text(encoding="utf-8")
            for line in shown.splitlines():
                name = line.partition(": ")[0]
                filled = re.sub(rf"(?m)^{re.escape(name)}: .*$", line, filled)
            left = [line for line in filled.splitlines() if '"?"' not in line]
            device.write_text("\n".join(left), encoding="utf-8")
        answer = CliRunner().invoke(app, shlex.split(command, comments=True)[1:])
        assert answer.exit_code == 0, (command, answer.output)
        answers.append(answer.output)
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert "electrode/SiOx/electrode" in answers[-2]
    assert "good practice: " in " ".join(answers[-2].split())  # cells break lines
    assert (tmp_path / "sheet.html").exists()


def test_plans_shown_can_be_carried_out() -> None:
    plans = [plan for page in PAGES for plan in blocks(page, "toml")]
    assert plans
    for plan in plans:
        assert parse_plan(plan).candidates()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_run_against_a_service(page: Path, served: str) -> None:
    for example in blocks(page, "python"):
        exec(compile(example.replace("http://127.0.0.1:8000", served), page.name, "exec"), {})


def test_addresses_shown_exist(served: str) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    paths = set(re.findall(r"http://127\.0\.0\.1:8000(/[^'\s`\"]+)", text))
    paths.discard("/api/v1/calculations")  # posted to by the example above
    assert paths
    for path in paths:
        assert httpx.get(served + path, timeout=60).status_code == 200, path


def test_ci_runs_the_first_commands_of_the_readme_as_printed() -> None:
    first = [
        line.partition("#")[0].strip()
        for line in blocks(ROOT / "README.md", "bash")[0].splitlines()
    ]
    assert first == ["make demo", "make test"]
    run = re.split(r"[;\n]\s*", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    places = [run.index(command) for command in (*first, "make test-slow")]
    assert places == sorted(places)


def test_make_targets_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ALL:
        for target in re.findall(r"^make ([\w-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_data_dictionary_is_what_the_models_say() -> None:
    module = module_at(ROOT / "docs" / "reference" / "generate.py", "generate_reference")
    stale = "run: python docs/reference/generate.py"
    assert module.PAGE.read_text(encoding="utf-8") == module.render(), stale
    assert module.FAILURES_PAGE.read_text(encoding="utf-8") == module.render_failures(), stale
    assert module.PACKAGE.read_text(encoding="utf-8") == module.render_package(), stale


def test_the_data_dictionary_is_a_table_of_six_cells_a_line() -> None:
    """A bar inside a cell would shift the columns behind it."""
    page = (ROOT / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
    lines = [line for line in page.split("\n") if line.startswith("|")]
    assert len(lines) > 200
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {7}


def test_relative_links_lead_somewhere() -> None:
    for page in ALL:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
