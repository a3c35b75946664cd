"""DFT run by the user: exported inputs, imported results."""
