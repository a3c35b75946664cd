"""Machine-learned potentials, one file each."""
