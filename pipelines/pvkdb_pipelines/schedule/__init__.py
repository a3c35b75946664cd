"""Screening plans at their times: cron expressions, what is due, running it once, telling of it."""
