"""Figures of paths and their energies."""
