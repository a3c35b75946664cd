"""Geometry of crystals: symmetry, neighbours, supercells, and structures of requests."""
