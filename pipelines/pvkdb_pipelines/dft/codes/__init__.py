"""DFT codes: Quantum ESPRESSO and GPAW, their inputs, outputs and processes."""
