"""Interatomic potentials: the interface, plug-ins, and one file for each shipped potential."""
