"""Suitability: which device or material serves which application, and on what evidence."""

from pvkdb.suitability.profiles.profile_file import (
    parse_profile,
    read_profile,
    shipped_profile,
    shipped_profiles,
)
from pvkdb.suitability.ranking.options import Options, parse_weights, weighted
from pvkdb.suitability.ranking.ranking import judged, rank_candidates
from pvkdb.suitability.ranking.store_rankings import applications, leaders, rank, rankings_rows

__all__ = [
    "Options",
    "applications",
    "judged",
    "leaders",
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
