"""Table pages: columns, filters and queries."""
