"""Machine-learned potentials: the interface, the registry, and one file for each potential."""
