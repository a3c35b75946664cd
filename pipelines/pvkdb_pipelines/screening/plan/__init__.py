"""Plans of screenings: enumeration of compositions, filters, and plan files."""
