"""Migration of point defects: hops, barriers, and percolating paths through a crystal."""
