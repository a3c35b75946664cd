"""docs/cluster.md: its files can be read, its keys are those of the models, its commands exist."""

from __future__ import annotations

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median

import pytest
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb_pipelines.engines.parsl_config import ClusterPlan, plan_of, plan_of_python
from pvkdb_pipelines.engines.settings import SCHEDULERS, parse_cluster

from ...conftest import lacks
from .shipped_barriers import barrier_seconds

PAGE = Path(__file__).parents[3] / "docs" / "cluster.md"
TEXT = PAGE.read_text(encoding="utf-8")


KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: me, user: {token: none}}]
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def provider(text: str) -> str:
    return str(tomllib.loads(text)["provider"])


@pytest.fixture
def kube_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that nobody talks to: the provider wants to know of one when it is made."""
    config = tmp_path / "kubeconfig"
    config.write_text(KUBECONFIG)
    if find_spec("kubernetes") is None:
        lacks("kubernetes is not installed (extra 'dev')")
    from kubernetes.config import kube_config

    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(config))


def test_there_is_a_file_for_each_scheduler() -> None:
    assert {*map(provider, blocks("toml"))} == {*SCHEDULERS}


@pytest.mark.parametrize(("key", "line"), [("gres", "--gres"), ("ranks", "--ntasks")])
def test_a_dry_run_prints_the_scripts_of_the_examples(tmp_path: Path, key: str, line: str) -> None:
    text = next(each for each in blocks("toml") if f"\n{key} = " in each)
    (tmp_path / "gpu.toml").write_text(text)
    asked = ["work", "--engine", "parsl", "--config", str(tmp_path / "gpu.toml"), "--dry-run"]
    printed = CliRunner().invoke(app, asked)
    assert printed.exit_code == 0, printed.output
    (shown,) = (each for each in blocks("text") if line in each)
    lines = shown.strip().split("\n")
    scripts = re.split(r"(?=# \[resources)", printed.stdout)
    script = next(each for each in scripts if lines[2] in each)
    assert [each for each in script.split("\n") if each in lines] == lines
    (tmp_path / "here.toml").write_text('provider = "local"\ncores_per_node = 2\n')
    asked[4] = str(tmp_path / "here.toml")
    assert "'local' has no script" in str(CliRunner().invoke(app, asked).exception)


@pytest.mark.parametrize("text", blocks("toml"), ids=provider)
def test_each_file_makes_parsl_s_configuration(text: str, kube_config: None) -> None:
    # No interface of this name here; everything else is as shown.
    plan = plan_of(parse_cluster(text.replace('"ib0"', '"127.0.0.1"')))
    described = tomllib.loads(text)
    nodes, blocks_at_once = described.get("nodes", 1), described.get("max_blocks", 1)
    workers = described["cores_per_node"] // described.get("cores_per_worker", 1)
    assert plan.groups[0].capacity == workers * nodes * blocks_at_once
    executor = plan.executors[0]
    assert executor.status_polling_interval == 3
    made = executor.provider
    assert made.init_blocks == 0
    if "walltime" in described:
        assert made.walltime == described["walltime"]
        # What begins last has its time before the block ends.
        assert executor.drain_period + plan.groups[0].longest_s < seconds(described["walltime"])


def seconds(text: str) -> int:
    hours, minutes, rest = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + rest


def test_the_python_file_is_taken_as_it_is() -> None:
    (text,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(text, PAGE.name, "exec"), names)
    plan = plan_of_python(names, "cluster.py")
    assert isinstance(plan, ClusterPlan)
    assert plan.groups[0].capacity == 2 * 4 * 64
    assert "pvkdb_pipelines.engines.interchange" in plan.executors[0].interchange_launch_cmd


def test_the_table_holds_every_key_with_its_default() -> None:
    where: dict[tuple[str, str, str], list[str]] = {}
    for name, model in SCHEDULERS.items():
        for key, field in model.model_fields.items():
            if key != "provider":
                default = "required" if field.is_required() else shown(field.default)
                where.setdefault((key, default, str(field.description)), []).append(name)
    lines = [
        f"| `{key}` | {'all' if len(names) == len(SCHEDULERS) else ', '.join(names)} | {default} "
        f"| {meaning} |"
        for (key, default, meaning), names in where.items()
    ]
    table = [line for line in TEXT.split("\n") if line.startswith("| `")]
    assert table == lines


def shown(default: object) -> str:
    """A default as TOML writes it."""
    if default in (None, "", {}):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else f"{default}"


def test_commands_in_the_text_have_their_options() -> None:
    shown = CliRunner().invoke(app, ["work", "--help"]).stdout
    options = re.findall(r"(?<= )--\S+", " ".join(re.findall(r"`pvkdb work( --[^`]+)`", TEXT)))
    assert len(options) > 3
    assert all(option in shown for option in options)


def test_figures_of_costs_are_those_of_the_pages_that_they_name() -> None:
    screening = (PAGE.parent / "validation" / "screening.md").read_text(encoding="utf-8")
    assert "702 compositions, sevennet-0, 2,948 calculations" in screening
    assert "6.38 core-hours" in screening
    assert "702 compositions, 2,948 calculations, 6.38 core-hours" in TEXT
    for core_hours in (0.88, 6.38):
        assert f"| {core_hours * 3600 / 702:.1f} core-seconds |" in TEXT
    explanation = (PAGE.parent / "explanation.md").read_text(encoding="utf-8").replace("\n", " ")
    assert "The 2,595 relaxations of the shipped plan without filters" in explanation
    for core_hours in (0.93, 0.95):
        assert f"{core_hours} core-hours" in explanation
        assert f"2,595 relaxations, {core_hours} core-hours" in TEXT
        assert f"| {core_hours * 3600 / 702:.1f} core-seconds |" in TEXT


@pytest.mark.parametrize(
    ("name", "potential"),
    [("SevenNet-l3i5", "sevennet-l3i5"), ("SevenNet-0", "sevennet-0"), ("CHGNet", "chgnet")],
)
def test_costs_of_barriers_are_those_of_the_calculations_shipped(name: str, potential: str) -> None:
    took = barrier_seconds(potential)
    (row,) = (line for line in TEXT.split("\n") if f"barrier of a candidate, {name}" in line)
    assert (
        f"| {len(took)} of the release, {min(took):.0f} to {max(took):.0f} core-seconds, "
        f"half of them up to {median(took):.0f}"
    ) in row
    assert row.endswith(f"| {fmean(took):.0f} core-seconds |")
