"""Density-functional theory: the last tier of the funnel, for the few barriers that matter."""
