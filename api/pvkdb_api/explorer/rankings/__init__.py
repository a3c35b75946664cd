"""Pages of rankings: the query, the view, the explanation."""
