"""Motion of ions from the barriers of a migration result: diffusion, drift and times.

``network`` has sites, hops and their rates; ``dilute`` solves one defect exactly; ``kmc`` simulates
many by kinetic Monte Carlo; ``report`` answers for a material, with every assumption. ``stack`` has
layers and contacts, ``transport`` the equations of electrons, holes and ions across them,
``drift_diffusion`` what follows: loops and transients; ``filament`` a filament in two dimensions.
``compact`` has models of devices for circuits, ``fitting`` their parameters.
"""
