"""Percolating paths from the barriers of hops, and the stored result."""
