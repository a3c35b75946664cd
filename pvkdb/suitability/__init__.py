"""Rankings of devices and materials for applications, with the evidence for each verdict."""

from pvkdb.suitability.profiles.profile_file import (
    parse_profile,
    read_profile,
    shipped_profile,
    shipped_profiles,
)
from pvkdb.suitability.ranking.filters import parse_filters
from pvkdb.suitability.ranking.options import Options, options_of, parse_weights, weighted
from pvkdb.suitability.ranking.ranking import criteria_for, rank_candidates
from pvkdb.suitability.ranking.store_rankings import (
    applications,
    device_rankings,
    exported_rows,
    rank,
    rankings_rows,
)

__all__ = [
    "Options",
    "applications",
    "criteria_for",
    "device_rankings",
    "exported_rows",
    "options_of",
    "parse_filters",
    "parse_profile",
    "parse_weights",
    "rank",
    "rank_candidates",
    "rankings_rows",
    "read_profile",
    "shipped_profile",
    "shipped_profiles",
    "weighted",
]
