"""The report of a screening: its sections for the explorer, and the files that it is saved in."""
