"""Density-functional theory, the last and most expensive tier, for the most important barriers."""
