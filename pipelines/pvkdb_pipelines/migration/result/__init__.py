"""From barriers of hops to percolating paths and the stored result."""
