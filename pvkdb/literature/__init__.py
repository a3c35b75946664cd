"""The curated literature: CSV files with every value as printed, and their loader."""

from pvkdb.literature.loader import LoadReport, dataset_version, load_literature, read_curated

__all__ = ["LoadReport", "dataset_version", "load_literature", "read_curated"]
