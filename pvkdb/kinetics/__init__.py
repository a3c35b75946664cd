"""Kinetics from migration barriers: switching times, relaxation times and retention.

``hopping`` and ``times`` have the equations, for numbers or numpy arrays that broadcast;
``propagation`` evaluates them for intervals and samples; ``conditions`` has the layer and defaults
with their sources; ``estimate`` makes a document with every quantity and assumption.

Every function is a limit of one picture: an ion hops thermally over a barrier that a field tilts.
Space charge, local heating, nucleation and electrode reactions are left out and make real devices
faster or slower by decades: these are estimates, not predictions.
"""

from pvkdb.kinetics.conditions import Conditions
from pvkdb.kinetics.estimate import estimate
from pvkdb.kinetics.hopping import (
    diffusion_coefficient_m2_per_s,
    drift_velocity_m_per_s,
    hop_rate_hz,
    ion_diffusion_coefficient_m2_per_s,
    mobility_m2_per_v_s,
    vacancy_fraction,
)
from pvkdb.kinetics.propagation import bounds, samples
from pvkdb.kinetics.times import (
    activation_energy_ev,
    relaxation_time_s,
    retention_at_s,
    switching_energy_j,
    switching_time_s,
    switching_voltage_v,
)

__all__ = [
    "Conditions",
    "activation_energy_ev",
    "bounds",
    "diffusion_coefficient_m2_per_s",
    "drift_velocity_m_per_s",
    "estimate",
    "hop_rate_hz",
    "ion_diffusion_coefficient_m2_per_s",
    "mobility_m2_per_v_s",
    "relaxation_time_s",
    "retention_at_s",
    "samples",
    "switching_energy_j",
    "switching_time_s",
    "switching_voltage_v",
    "vacancy_fraction",
]
