"""The host with a defect: its relaxed state on each site."""
