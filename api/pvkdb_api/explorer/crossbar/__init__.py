"""The page of crossbar arrays."""
