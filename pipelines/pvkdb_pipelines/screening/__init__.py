"""Screening: compositions by the hundred, through filters that say why each one fell."""
