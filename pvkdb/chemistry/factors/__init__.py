"""Tolerance factors, one by one and of arrays, and the probability of a perovskite."""
