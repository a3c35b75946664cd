"""Screening plans at fixed times: schedule files, and the scheduler that runs due plans."""
