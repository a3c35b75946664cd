"""Pictures of paths and their energies."""
