"""Symmetry operations, sites of a defect, and hops between them."""
