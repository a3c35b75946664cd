"""From query parameters to a page of rows: filters, cursors, streams."""
