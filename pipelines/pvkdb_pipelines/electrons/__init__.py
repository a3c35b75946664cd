"""Electrons of relaxed structures: band gaps by DFT."""
