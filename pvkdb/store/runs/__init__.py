"""Runs of screenings and their reports."""
