"""Pages of calculations and screenings."""
