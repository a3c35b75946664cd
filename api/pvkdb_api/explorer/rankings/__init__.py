"""Ranking pages: query, view and explanation."""
