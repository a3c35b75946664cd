"""Entries of OPTIMADE and their properties."""
