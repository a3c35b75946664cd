"""The data of the pages of calculations and screenings."""
