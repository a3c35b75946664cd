"""Client operations on calculations, screenings, rankings, crossbars and kinetics."""
