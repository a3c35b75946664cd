"""The command line; ``main`` is the entry point. Commands import what they need when they run."""

from __future__ import annotations

import sys

#: Packages that each extra installs.
_EXTRAS = {
    "store": "alembic fsspec numpy pandas psycopg pyarrow scipy sqlalchemy",
    "schedule": "cronsim",
    "screening": "ase jinja2 psutil pymatgen spglib",
    "cluster": "parsl",
    "potentials": "chgnet sevenn torch",
    "api": "fastapi prometheus_client pydantic_settings uvicorn",
    "mcp": "mcp mcp_types",
    "optimade": "lark optimade",
    "gpaw": "gpaw",
    "plot": "matplotlib",
    "measurements": "openpyxl xlrd",
    "rank": "jinja2",
    "simulation": "numba skfem",
    "examination": "sklearn",
}


def main() -> None:
    """Run the command line; a failure is one line on standard error and an exit code."""
    from pvkdb.errors import MissingExtraError, PvkdbError
    from pvkdb_pipelines.work.cores import one_thread_each
    from pvkdb_pipelines.work.interrupts import install

    try:
        install()
        one_thread_each()
        from pvkdb.cli.app import app

        app()
    except PvkdbError as error:
        _stop(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = next(
            (name for name, packages in _EXTRAS.items() if package in packages.split()), ""
        )
        if not extra:
            raise
        missing = MissingExtraError(package, extra)
        _stop(str(missing), missing.exit_code)
    except KeyboardInterrupt:
        _stop("interrupted; no data are incomplete", 130)
    except BrokenPipeError:
        # The reader (head, less) closed the pipe: not an error.
        sys.stderr.close()
        sys.exit(0)


def _stop(message: str, exit_code: int) -> None:
    print(f"pvkdb: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(exit_code)
