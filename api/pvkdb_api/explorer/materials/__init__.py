"""What the page of a material shows, made from the rows that the REST service gives."""
