"""Curated data in the store: registration, sources, versions of the dataset."""
