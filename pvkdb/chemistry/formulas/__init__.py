"""Compositions from formulas: reading, interpretation, canonical spelling."""
