"""Structures of halides: octahedra, checks of relaxed structures, and structures of users."""
