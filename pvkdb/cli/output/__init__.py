"""How the command line shows results: tables, progress, files."""
