"""Workers: tasks, processes, cores, leases."""
