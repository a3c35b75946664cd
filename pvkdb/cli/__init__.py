"""The command line; ``main`` is the entry point. Commands import what they need when they run."""

from __future__ import annotations

import sys


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
        from pvkdb._extras import extra_of

        package = (error.name or "").partition(".")[0]
        if (extra := extra_of(package)) is None:
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
