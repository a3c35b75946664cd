"""The curated literature: CSV files with every value as printed, and their loader."""

from typing import TYPE_CHECKING

from pvkdb._later import later

if TYPE_CHECKING:
    from pvkdb.literature.loader import LoadReport, dataset_version, load_literature, read_curated

__all__ = ["LoadReport", "dataset_version", "load_literature", "read_curated"]

__getattr__ = later(
    __name__, loader="LoadReport dataset_version load_literature read_curated"
)  # drafts read papers without the store
