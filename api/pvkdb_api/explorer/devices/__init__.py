"""The data of the pages of devices."""
