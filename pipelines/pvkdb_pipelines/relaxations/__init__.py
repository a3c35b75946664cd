"""Relaxations of compounds, elements and vacancies, and what they record."""
