"""Migration of point defects: hops, barriers, and the paths through a crystal that they make."""
