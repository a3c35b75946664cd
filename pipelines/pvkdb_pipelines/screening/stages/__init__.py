"""Stages of the funnel: stability, vacancies, formation energies, barriers."""
