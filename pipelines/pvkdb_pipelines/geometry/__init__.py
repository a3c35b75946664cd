"""Geometry of crystals: symmetry, neighbours, supercells, and the structures in requests."""
