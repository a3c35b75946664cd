"""Geometry of any crystal: symmetry, neighbours, supercells, cells with their atoms."""
