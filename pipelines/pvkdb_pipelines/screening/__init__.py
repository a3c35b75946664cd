"""Screening of many compositions in stages, with the reason why each candidate fell."""
