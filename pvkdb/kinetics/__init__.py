"""From migration barriers to times: how fast a device switches, and how long it remembers.

``hopping`` and ``times`` hold the equations, on numbers or numpy arrays that broadcast;
``propagation`` carries intervals and samples through them; ``defaults`` has what nobody measured,
with its source; ``estimate`` puts all of it into a document that shows what was assumed.

Every function is a limit of one picture: an ion hops thermally over a barrier that a field tilts.
What it leaves out (space charge, local heating, nucleation, electrode reactions) makes real devices
faster or slower by decades: these are estimates, not predictions.
"""

from pvkdb.kinetics.estimate import Conditions, estimate
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
