"""Files that are read and written: tables, structures, finished calculations."""
