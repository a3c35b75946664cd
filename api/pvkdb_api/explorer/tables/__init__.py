"""Tables of the explorer: cells, numbers, times, filters."""
