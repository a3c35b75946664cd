"""Relaxations of compounds, elements and vacancies."""
