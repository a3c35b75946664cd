"""Files of clusters: errors name the line, the reason and the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvkdb.errors import InputError
from pvkdb_pipelines.engines import make_engine
from pvkdb_pipelines.engines.parsl_config import plan_of, read_cluster
from pvkdb_pipelines.engines.settings import MARGIN_S, Slurm, parse_cluster

SLURM = """\
# A comment with walltime and provider in it
provider = "slurm"
walltime = "02:00:00"
cores_per_node = 8
"""


def test_times_are_kept_for_what_begins_last() -> None:
    cluster = parse_cluster(SLURM)
    assert isinstance(cluster, Slurm)
    assert (cluster.walltime, cluster.longest_s) == (7200, 3600)
    assert cluster.drain_s == 7200 - 3600 - MARGIN_S
    longer = parse_cluster(SLURM + 'longest = "01:30:00"\n')
    assert (longer.longest_s, longer.drain_s) == (5400, 1800 - MARGIN_S)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SLURM.replace('"slurm"', '"slurn"'), ("line 2", "'slurn'", "did you mean 'slurm'", "pbs")),
        (
            SLURM + 'gres = "gpu:1\\n#SBATCH -q x"\n',
            ("line 5", "gres", "line break", "one line"),
        ),
        (SLURM + 'partition = """a\nb"""\n', ("line 5", "partition", "'a\\nb'", "job script")),
        (SLURM + 'account = "a\\u001b[2J"\n', ("'a\\x1b[2J'", "control character", "remove it")),
        (SLURM + 'queue = "a"\n', ("line 5", "there is no key 'queue'")),
        (SLURM.replace('"02:00:00"', '"2h"'), ("line 3", "'2h'", "04:00:00")),
        (SLURM.replace('"02:00:00"', "02:00:00"), ("line 3", "in quotes")),
        (SLURM.replace('"02:00:00"', '"00:01:00"'), ("line 3", "60 s", "more than 120 s")),
        (SLURM + 'longest = "02:00:00"\n', ("line 5", "7200 s", "7140 s at most")),
        (SLURM.replace("= 8", "= 0"), ("line 4", "cores_per_node = 0", "greater than or equal")),
        (SLURM + "cores_per_worker = 9\n", ("line 5", "a node has 8 cores")),
        (SLURM.replace("cores_per_node = 8", ""), ("cores_per_node is missing",)),
        (SLURM.replace("provider", "scheduler"), ("provider is missing", "slurm, pbs")),
        (SLURM + "[resources.dtf]\nranks = 4\n", ("line 5", "'dtf'", "did you mean 'dft'")),
        (SLURM + "[resources.dft]\nranks = 9\n", ("line 6", "ranks = 9", "1 × 8 cores")),
        (SLURM + "[resources.dft]\nranks = 3\nnodes = 2\n", ("line 6", "a multiple of nodes")),
        (SLURM + "[resources.neb]\ngres = 1\n", ("line 6", "resources.neb.gres = 1", "string")),
        (SLURM + '[resources.neb]\nrun_dir = "a"\n', ("line 6", "run_dir holds for the whole")),
        (SLURM + "[resources]\nneb = 4\n", ("line 6", "4 is not a table", "[resources.neb]")),
        ('provider = ["slurm"]', ("line 1", "no provider")),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as refusal:
        parse_cluster(text, "mine.toml")
    said = str(refusal.value)
    assert said.startswith("mine.toml")
    for word in words:
        assert word in said


LOCAL = 'provider = "local"\ncores_per_node = 1\n'


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("mine.py", "config = 1", ("config is a int", "parsl.Config")),
        ("mine.py", "confg = 1", ("defines no config",)),
        ("mine.py", "a = 1\nb = a +\n", ("line 2", "invalid syntax")),
        ("mine.py", "import os\nconfig = os.no_such_thing\n", ("line 2", "no_such_thing")),
        ("mine.py", "from parsl import Config\nconfig = Config()", ("ThreadPool", "no workers")),
        ("none.toml", None, ("cannot be read: No such file",)),
        ("latin.toml", b"# \xe4\n", ("not UTF-8",)),
        ("mine.toml", SLURM, ("sbatch, which is not on PATH",)),
        ("mine.toml", f'{LOCAL}address = "ib7"\n', ("'ib7' is neither an interface",)),
    ],
)
def test_a_file_that_makes_no_configuration(tmp_path, monkeypatch, name, text, words):
    monkeypatch.setenv("PATH", str(tmp_path))
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as refusal:
        read_cluster(tmp_path / name)
    for word in (name if name != "mine.toml" else "", *words):
        assert word in str(refusal.value)


def test_each_kind_has_the_workers_of_the_nearest_table() -> None:
    """One kind goes before a group of kinds, and both before the file."""
    tables = """
max_blocks = 3
address = "127.0.0.1"
[resources.dft]
nodes = 2
ranks = 8
walltime = "24:00:00"
[resources.dft-scf]
cores_per_worker = 4
"""
    plan = plan_of(parse_cluster(SLURM + tables))
    rest, dft, points = plan.groups
    assert dft.kinds == ("dft-relax", "dft-path", "dft-hop", "dft-neb")
    assert points.kinds == ("dft-scf",)
    assert {"neb", "relax", "simulation", "dft-after"} <= set(rest.kinds or ())
    assert not {*dft.kinds, *points.kinds} & set(rest.kinds or ())
    # Workers: one a core, one a block of two nodes, two a node.
    assert [group.capacity for group in plan.groups] == [3 * 8, 3, 3 * 2]
    assert [group.longest_s for group in plan.groups] == [3600, 12 * 3600, 3600]
    assert [executor.label for executor in plan.executors] == ["pvkdb", "dft", "dft-scf"]


@pytest.mark.parametrize(
    ("name", "config", "processes", "words"),
    [
        ("parsel", None, None, "did you mean 'parsl'"),
        ("parsl", None, None, "needs --config FILE"),
        ("parsl", Path("x.toml"), 2, "cores_per_node and max_blocks"),
        ("local", Path("x.toml"), None, "for --engine parsl"),
    ],
)
def test_engines_and_their_options(name, config, processes, words):
    with pytest.raises(InputError, match=words):
        make_engine(name, config, processes)
