"""What curated data brings into the store: registration, sources, versions of the dataset."""
