"""Suitability: which device serves which application, and on what evidence."""

from pvkdb.suitability.ranking import applications, rank, rank_candidates, rankings_rows

__all__ = ["applications", "rank", "rank_candidates", "rankings_rows"]
