"""Plots of a ranking: scores, and one metric against another."""
