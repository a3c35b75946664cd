"""Pages of references and what was taken from each."""
