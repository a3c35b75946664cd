"""The whole dataset as files, made at one moment, and what differs between two of them."""
