"""Screening of many compositions in stages, with the reason for each rejected candidate."""
