"""The rows that cite a reference, and how to cite it."""
