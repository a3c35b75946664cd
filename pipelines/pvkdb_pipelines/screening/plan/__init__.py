"""Plans: what a screening enumerates and filters, and the reader of plan files."""
