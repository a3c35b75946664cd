"""Rows of the public tables, made from models or from SQL, and the way back."""
