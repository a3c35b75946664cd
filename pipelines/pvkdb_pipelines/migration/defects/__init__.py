"""The host with a defect: its relaxed states on each site."""
