"""Collections: queries, pages, tables, streams and downloads."""
