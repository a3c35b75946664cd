"""Structures of halides: octahedra, checks of what relaxed, structures of users."""
