"""Compositions: tolerance factors, and structures that resemble one another."""
