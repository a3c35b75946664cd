"""The report of a screening."""
