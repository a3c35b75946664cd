"""The version of pvkdb."""

__version__ = "0.1.0"
