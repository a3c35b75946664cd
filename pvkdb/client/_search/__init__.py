"""Searching collections: queries, pages, results, streams and downloads."""
