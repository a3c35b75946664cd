"""Symmetry operations, sites of an ion and the hops between them."""
