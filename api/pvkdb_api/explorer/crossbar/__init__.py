"""The crossbar page."""
