"""The meaning of each kind of failed calculation, and what the user can do about it."""

from pvkdb.schemas.calculations import FailureKind

_OTHER_POTENTIAL = "Use another potential, or upload a well-relaxed structure."

#: Meaning and remedy of each kind.
FAILURES: dict[FailureKind, tuple[str, str]] = {
    FailureKind.UNSUPPORTED_COMPOSITION: (
        "No structure can be built for this composition.",
        "Upload a CIF file, or use a composition with integer amounts and atomic ions.",
    ),
    FailureKind.UNSUPPORTED_ELEMENT: (
        "The potential was not trained on one of the elements.",
        "Use another potential.",
    ),
    FailureKind.RELAXATION_NOT_CONVERGED: (
        "The relaxation did not converge within the allowed number of steps.",
        "Allow more steps for the cell, or start from a structure closer to the minimum.",
    ),
    FailureKind.SYMMETRY_CHANGED: (
        "The structure relaxed to a symmetry other than that of the requested phase.",
        "Request the phase to which it relaxed, or upload a structure.",
    ),
    FailureKind.ATOMS_TOO_CLOSE: (
        "Two atoms came so close that the potential is not reliable.",
        _OTHER_POTENTIAL,
    ),
    FailureKind.MOLECULE_BROKEN: (
        "A bond of a molecule broke or formed, so the structure is another compound.",
        "Start from another orientation of the molecules, or use another potential.",
    ),
    FailureKind.UNSTABLE_HOST: (
        "The host is not a minimum of the potential: it relaxes to another structure when "
        "disturbed.",
        "Request the phase to which it relaxes; barriers in the requested phase are not defined.",
    ),
    FailureKind.TOO_LARGE: (
        "The supercell would have more atoms than allowed.",
        "Allow more atoms, or a smaller distance between a defect and its periodic images.",
    ),
    FailureKind.NO_HOP: (
        "No two sites of the defect are close enough for a hop.",
        "Allow longer hops.",
    ),
    FailureKind.ENDPOINT_NOT_CONVERGED: (
        "The relaxation of an end point did not converge within the allowed number of steps.",
        "Allow more steps for the end points.",
    ),
    FailureKind.ENDPOINTS_IDENTICAL: (
        "Both end points of the hop relaxed to the same structure, so the hop has no barrier.",
        "See the sites in the log; the defect may be stable between the assumed sites.",
    ),
    FailureKind.ENDPOINTS_DIFFER: (
        "Two sites that are equivalent by symmetry relaxed to different energies.",
        "The host is probably not a minimum: request another phase, or upload a relaxed structure.",
    ),
    FailureKind.IMAGE_BELOW_ENDPOINT: (
        "An image on the path is lower in energy than the end points: an unexpected intermediate.",
        "Use more images, or another random seed.",
    ),
    FailureKind.NEB_NOT_CONVERGED: (
        "The NEB did not converge at the saddle point within the allowed number of steps.",
        "Allow more steps for the path, or use more images.",
    ),
    FailureKind.SADDLE_NOT_FOUND: (
        "No saddle point was found near that of the potential.",
        "Allow more force calls, or start from the path of another potential.",
    ),
    FailureKind.HOP_LOST: (
        "An end point or the saddle point left the hop: it belongs to another one.",
        "See the structures in the checkpoint; start from the path of another potential.",
    ),
    FailureKind.BARRIER_OUT_OF_BOUNDS: (
        "The barrier is too high to be physical for an ion in a halide.",
        _OTHER_POTENTIAL,
    ),
    FailureKind.NO_ELEMENTARY_HOP: (
        "Every hop passes through another site, so none is an elementary step.",
        "See the hops in the log; allow longer hops, or start from a relaxed structure.",
    ),
    FailureKind.NO_PERCOLATION: (
        "The hops found do not form a path through the crystal.",
        "Allow longer hops.",
    ),
    FailureKind.TOO_FEW_HOPS: (
        "The vacancy made too few hops in the molecular dynamics to give a diffusion coefficient.",
        "Compute longer, or at a higher temperature.",
    ),
    FailureKind.SIMULATION_NOT_CONVERGED: (
        "A time step of the simulated device did not converge.",
        "Use a finer mesh, slower edges of the voltage, or a lower voltage.",
    ),
    FailureKind.POTENTIAL_NOT_LOADED: (
        "The potential is not installed on the machine of the worker, or it could not be loaded.",
        "Install it there (`pvkdb potentials` lists what is installed); then retry.",
    ),
    FailureKind.POTENTIAL_FAILED: (
        "The potential raised an error, or returned energies or forces that are not usable.",
        _OTHER_POTENTIAL,
    ),
    FailureKind.PROGRAM_NOT_FOUND: (
        "The DFT program is not installed on the machine of the worker.",
        "Install it there, or name it in the settings of the worker; then retry.",
    ),
    FailureKind.PROGRAM_CRASHED: (
        "The DFT program stopped with an error.",
        "Its output is among the files. Correct the cause, then retry.",
    ),
    FailureKind.SCF_NOT_CONVERGED: (
        "The self-consistent field did not converge.",
        "Allow more cycles, use slower mixing or more smearing; the output is among the files.",
    ),
    FailureKind.OUT_OF_WALLTIME: (
        "The time limit of the cluster was reached.",
        "Set a longer time limit in the settings of the engine, then retry.",
    ),
    FailureKind.PSEUDOPOTENTIAL_MISSING: (
        "A pseudopotential is missing on the machine of the worker.",
        "Copy it there, then retry.",
    ),
    FailureKind.PSEUDOPOTENTIAL_DIFFERS: (
        "A pseudopotential differs from the file that the calculation requires.",
        "Copy the required file there, because energies of different pseudopotentials cannot be "
        "compared. Then retry.",
    ),
    FailureKind.INVALID_REQUEST: (
        "The request does not match the barrier that it depends on.",
        "Read the reason, and submit a new request with another hop or other settings.",
    ),
    FailureKind.CRASHED: (
        "The process of the calculation stopped, or an unexpected error occurred.",
        "Retry. If it fails again, run it alone to see why (pvkdb jobs retry ID, pvkdb work).",
    ),
    FailureKind.DEPENDENCY_FAILED: (
        "A calculation on which this one depends has failed.",
        "See that calculation below. A retry queues both.",
    ),
}
