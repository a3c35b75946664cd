"""Output of the command line: tables, progress and files."""
