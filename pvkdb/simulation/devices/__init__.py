"""Devices from barriers: hopping, currents and a compact model, with what is uncertain."""
