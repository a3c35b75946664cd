"""Code shared by all pages: rendering, parameters, forms, sign-in, search."""
