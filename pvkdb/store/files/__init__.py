"""Reading and writing of files: tables, structures, finished calculations."""
