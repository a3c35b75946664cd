"""The data of the crossbar page."""
