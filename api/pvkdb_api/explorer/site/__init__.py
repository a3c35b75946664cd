"""What every page shares: layout, forms, sign-in, search."""
