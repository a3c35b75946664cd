"""Minimum-energy paths between two sites: bands, saddle points, and their search."""
