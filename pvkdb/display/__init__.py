"""Numbers, durations, units, colours and figures as people read them."""
