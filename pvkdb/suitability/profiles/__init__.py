"""Profiles of applications: the shipped ones and the reader of their files."""
