"""What a kind of failure means, and what one can do about it."""

from __future__ import annotations

from pvkdb.schemas.calculations import FailureKind

_AGAIN = "Retry it. If it fails again, run it alone (pvkdb jobs retry ID, pvkdb work) to see why."
_OTHER_POTENTIAL = (
    "Ask for it with the other potential, or bring a structure that was relaxed well."
)

#: Meaning and remedy of each kind.
WORDS: dict[FailureKind, tuple[str, str]] = {
    FailureKind.UNSUPPORTED_COMPOSITION: (
        "No structure can be made of this composition.",
        "Bring a structure as CIF, or ask for a composition with whole amounts and atoms as ions.",
    ),
    FailureKind.UNSUPPORTED_ELEMENT: (
        "The potential was not trained on one of the elements.",
        "Ask for it with the other potential.",
    ),
    FailureKind.RELAXATION_NOT_CONVERGED: (
        "The structure still had forces on its atoms when the steps were used up.",
        "Allow more steps for the cell, or start from a structure nearer to the minimum.",
    ),
    FailureKind.SYMMETRY_CHANGED: (
        "The structure has another symmetry than the phase that was asked for.",
        "Ask for the phase that it became, or bring a structure of your own.",
    ),
    FailureKind.ATOMS_TOO_CLOSE: (
        "Two atoms came so close that the potential says nothing there.",
        _OTHER_POTENTIAL,
    ),
    FailureKind.UNSTABLE_HOST: (
        "The host is no minimum of the potential: it falls into another structure when disturbed.",
        "Ask for the phase that it falls into; barriers of the one asked for are not defined.",
    ),
    FailureKind.TOO_LARGE: (
        "The supercell would have more atoms than allowed.",
        "Allow more atoms, or a smaller distance between a defect and its images.",
    ),
    FailureKind.NO_HOP: (
        "No two sites of the defect are near enough to hop between.",
        "Allow longer hops.",
    ),
    FailureKind.ENDPOINT_NOT_CONVERGED: (
        "The defect on one of its sites still had forces when the steps were used up.",
        "Allow more steps for the end points.",
    ),
    FailureKind.ENDPOINTS_IDENTICAL: (
        "Both ends of the hop relaxed into the same structure: there is nothing to cross.",
        "Look at the sites in the log; the defect may sit between the sites that were assumed.",
    ),
    FailureKind.ENDPOINTS_DIFFER: (
        "Two sites that symmetry makes equal relaxed to different energies.",
        "The host is likely no minimum: ask for another phase, or bring a relaxed structure.",
    ),
    FailureKind.IMAGE_BELOW_ENDPOINT: (
        "The path holds a structure lower than its ends: an intermediate that was not foreseen.",
        "Use more images, or another seed of the starting shift.",
    ),
    FailureKind.NEB_NOT_CONVERGED: (
        "The path still had forces on its saddle when the steps were used up.",
        "Allow more steps for the path, or use more images.",
    ),
    FailureKind.BARRIER_OUT_OF_BOUNDS: (
        "The barrier is one that no ion in a halide crosses; the path went wrong.",
        _OTHER_POTENTIAL,
    ),
    FailureKind.NO_ELEMENTARY_HOP: (
        "Every hop leads over another site, so that none is a step of its own.",
        "Look at the hops in the log; allow longer hops, or start from a relaxed structure.",
    ),
    FailureKind.NO_PERCOLATION: (
        "The hops that were found lead nowhere through the crystal.",
        "Allow longer hops.",
    ),
    FailureKind.PROGRAM_NOT_FOUND: (
        "The worker's machine lacks the DFT program.",
        "Install it there, or name it in the worker's settings; then retry.",
    ),
    FailureKind.PROGRAM_CRASHED: (
        "The DFT program ended with an error.",
        "Its output is among the files. Put right what it names, then retry.",
    ),
    FailureKind.SCF_NOT_CONVERGED: (
        "The electrons did not become self-consistent.",
        "Allow more cycles, mix more slowly, or smear more; the output is among the files.",
    ),
    FailureKind.OUT_OF_WALLTIME: (
        "The time that the cluster gave was over.",
        "Give it longer in the engine's settings, then retry.",
    ),
    FailureKind.PSEUDOPOTENTIAL_MISSING: (
        "A pseudopotential is not on the worker's machine.",
        "Put it there, then retry.",
    ),
    FailureKind.PSEUDOPOTENTIAL_DIFFERS: (
        "A pseudopotential is another file than the one that the calculation names.",
        "Put the named one there: energies of different ones cannot be compared. Then retry.",
    ),
    FailureKind.INVALID_REQUEST: (
        "What was asked for does not fit the barrier that it waited for.",
        "Read the reason, and ask again with another hop or other settings.",
    ),
    FailureKind.CRASHED: (
        "The process that computed it died, or an error was met that nobody foresaw.",
        _AGAIN,
    ),
    FailureKind.DEPENDENCY_FAILED: (
        "A calculation that this one waits for has failed.",
        "Look at that one below. A retry queues both.",
    ),
}
