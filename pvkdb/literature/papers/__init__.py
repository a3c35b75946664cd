"""Papers from Crossref, OpenAlex, Europe PMC and arXiv, and DOIs that references lack."""
