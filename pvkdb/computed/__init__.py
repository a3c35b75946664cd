"""The release of computed results that travels with pvkdb, and its loader."""

from pvkdb.computed.release import (
    CALCULATIONS,
    GAPS,
    REPORT,
    ComputedReport,
    load_computed,
    release_version,
)

__all__ = ["CALCULATIONS", "GAPS", "REPORT", "ComputedReport", "load_computed", "release_version"]
