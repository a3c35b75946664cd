"""What a measurement becomes: pictures, a report on one page, and a device to import."""
