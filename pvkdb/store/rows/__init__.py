"""Rows of the public tables: read from the store, and written to it."""
