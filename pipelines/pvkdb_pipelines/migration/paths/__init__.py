"""Minimum-energy paths between two sites: bands, saddle points, the search."""
