"""Kinetics from one migration barrier: switching times, relaxation times and SET voltages.

``hopping`` has the equations, ``conditions`` the layer and defaults with their sources;
``estimates`` makes a document with every quantity, its interval and its assumptions. All hops of a
crystal, many defects and electrodes are in :mod:`pvkdb.simulation`, of which this is one limit.

Space charge, local heating, nucleation and electrode reactions are left out and make real devices
faster or slower by decades: these are estimates, not predictions.
"""

from typing import TYPE_CHECKING

from pvkdb._later import later

if TYPE_CHECKING:
    from pvkdb.kinetics.conditions import Conditions
    from pvkdb.kinetics.estimates import estimate

__all__ = ["Conditions", "estimate"]

__getattr__ = later(__name__, conditions="Conditions", estimates="estimate")
