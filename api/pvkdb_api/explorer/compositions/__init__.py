"""The data and drawings of the page of a material."""
