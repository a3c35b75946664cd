"""Models of exported rows, calculations, rankings, screenings and answers of the service."""
