"""Workers of the queue: tasks, processes, cores and leases."""
