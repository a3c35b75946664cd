"""DFT that users run themselves: exported inputs and imported results."""
