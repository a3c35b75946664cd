"""Decision sheets: a ranking on one page, with what parts its candidates."""
