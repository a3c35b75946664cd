"""The command line. ``main`` is the entry point; commands load what they need when they run."""

from __future__ import annotations

import sys

#: What is missing when an import fails, and the extra that brings it.
_EXTRAS = {
    "alembic": "store",
    "cronsim": "schedule",
    "numpy": "store",
    "fsspec": "store",
    "pandas": "store",
    "psycopg": "store",
    "pyarrow": "store",
    "scipy": "store",
    "sqlalchemy": "store",
    "ase": "screening",
    "jinja2": "screening",
    "parsl": "cluster",
    "psutil": "screening",
    "pymatgen": "screening",
    "spglib": "screening",
    "chgnet": "potentials",
    "sevenn": "potentials",
    "torch": "potentials",
    "fastapi": "api",
    "prometheus_client": "api",
    "gpaw": "gpaw",
    "pydantic_settings": "api",
    "uvicorn": "api",
    "matplotlib": "plot",
    "pymcdm": "rank",
}


def main() -> None:
    """Run the command line; every failure is one line on standard error and an exit code."""
    from pvkdb.cli.interrupts import install
    from pvkdb.errors import MissingExtraError, PvkdbError
    from pvkdb_pipelines.work.cores import one_thread_each

    try:
        install()
        one_thread_each()
        from pvkdb.cli.app import app

        app()
    except PvkdbError as error:
        _stop(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        missing = MissingExtraError(package, _EXTRAS[package])
        _stop(str(missing), missing.exit_code)
    except KeyboardInterrupt:
        _stop("interrupted; nothing was half-written", 130)
    except BrokenPipeError:
        # The reader (head, less) closed the pipe; that is no failure of ours to report.
        sys.stderr.close()
        sys.exit(0)


def _stop(message: str, exit_code: int) -> None:
    print(f"pvkdb: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(exit_code)
