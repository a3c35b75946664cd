"""Output of pw.x: how the run ended, and the numbers that ASE does not read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from ase.units import Ry

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import SinglePoint
from pvkdb_pipelines.dft.codes.runs import ProcessResult
from pvkdb_pipelines.dft.codes.sssp import usual_name
from pvkdb_pipelines.geometry.hosts import longest
from pvkdb_pipelines.potentials.potential import Properties

#: Lines of the output that a failure keeps.
_TAIL_LINES = 15
#: Start of the table of timings at the end, which does not help to explain a failure.
_TIMINGS = "     init_run     :"

_NUMBER = r"(-?\d+(?:\.\d*)?(?:[EeDd][-+]?\d+)?)"
_ACCURACY = rf"estimated scf accuracy\s+<\s+{_NUMBER} Ry"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScfDetails:
    """How an SCF cycle ended; None if not printed.

    ``accuracy_ry`` is the estimated error of the energy at the last step, ``smearing_energy_ev``
    the part −TS of the energy.
    """

    steps: int | None = None
    accuracy_ry: float | None = None
    smearing_energy_ev: float | None = None
    magnetization_mub: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOutput(ScfDetails):
    """Numbers of the last SCF cycle in an output of pw.x or VASP; None if not printed.

    Valence electrons and MD5 sums of pseudopotentials are by the label of the species; the
    functional has its usual name, or the one that pw.x prints.
    """

    version: str | None = None
    cutoff_wfc_ry: float | None = None
    cutoff_rho_ry: float | None = None
    electrons: float | None = None
    valence: dict[str, float] = field(default_factory=dict)
    pseudopotential_md5: dict[str, str] = field(default_factory=dict)
    functional: str | None = None


def read_pw_output(text: str) -> CodeOutput:
    """Read an output of pw.x 6.4 or later."""
    files = re.findall(
        r"PseudoPot\. #\s*\d+ for\s+(\S+)\s+read from file:\s+\S+\s+MD5 check sum:\s*(\w{32})", text
    )
    species = re.findall(rf"^\s+(\S+)\s+{_NUMBER}\s+{_NUMBER}\s+[A-Z][a-z]?\s*\(", text, re.M)
    steps = _last(r"convergence has been achieved in\s+(\d+) iterations", text)
    smearing_ry = _number(rf"smearing contrib\. \(-TS\)\s+=\s+{_NUMBER} Ry", text)
    functional = _last(r"Exchange-correlation\s*=\s*(\S.*)", text)
    return CodeOutput(
        version=_last(r"Program PWSCF v\.(\S+)", text),
        steps=None if steps is None else int(steps),
        accuracy_ry=_number(_ACCURACY, text),
        smearing_energy_ev=None if smearing_ry is None else smearing_ry * Ry,
        magnetization_mub=_number(rf"total magnetization\s+=\s+{_NUMBER} Bohr", text),
        cutoff_wfc_ry=_number(rf"kinetic-energy cutoff\s+=\s+{_NUMBER}\s+Ry", text),
        cutoff_rho_ry=_number(rf"charge density cutoff\s+=\s+{_NUMBER}\s+Ry", text),
        electrons=_number(rf"number of electrons\s+=\s+{_NUMBER}", text),
        valence={label: float(valence) for label, valence, _ in species},
        pseudopotential_md5=dict(files),
        functional=None if functional is None else usual_name(functional),
    )


def require_success(text: str, errors: str, result: ProcessResult, limit_s: float | None) -> None:
    """Raise the failure that an output of pw.x reports, if it contains no result.

    Raises:
        CalculationFailedError: ``OUT_OF_WALLTIME``, ``SCF_NOT_CONVERGED`` or ``PROGRAM_CRASHED``,
            with the end of the output.
    """
    end = tail(text, errors)
    if result.timed_out or "Maximum CPU time exceeded" in text:
        how = "was killed" if result.timed_out else "stopped itself"
        raise CalculationFailedError(
            FailureKind.OUT_OF_WALLTIME,
            f"pw.x {how} at the time limit of {limit_s or 0:.0f} s; allow more in "
            f"PVKDB_DFT_MAX_SECONDS, or use more processes. {end}",
        )
    if "convergence NOT achieved" in text:
        accuracy = _last(_ACCURACY, text)
        raise CalculationFailedError(
            FailureKind.SCF_NOT_CONVERGED,
            f"pw.x did not reach self-consistency (estimated accuracy {accuracy} Ry); allow more "
            f"steps (scf_max_steps), a smaller mixing_beta or a wider smearing. {end}",
        )
    if result.returncode != 0 or "JOB DONE." not in text:
        raise CalculationFailedError(
            FailureKind.PROGRAM_CRASHED, f"pw.x {_how(result.returncode, text)}. {end}"
        )


def tail(text: str, errors: str = "") -> str:
    """Return the last lines of an output and of the standard error."""
    printed = [line.rstrip() for line in text.partition(_TIMINGS)[0].splitlines() if line.strip()]
    # If pw.x reports an error, MPI only adds that it ended all processes.
    relevant = "" if "Error in routine" in text else errors
    complaints = [line.rstrip() for line in relevant.splitlines() if line.strip()]
    lines = [*printed[-_TAIL_LINES:], *complaints[-5:]]
    return "End of its output:\n" + "\n".join(lines) if lines else "The output is empty."


def _how(returncode: int, text: str) -> str:
    message = re.search(r"Error in routine\s+(.+?\)):\s*\n\s*(.+?)\s*\n", text)
    if message is not None:
        return f"stopped in {' '.join(message[1].split())}: {message[2]}"
    if returncode < 0:
        return f"was ended by signal {-returncode} (9: killed, often for lack of memory)"
    if returncode == 0:
        return "ended before the job was done"
    return f"ended with exit code {returncode}"


def _last(pattern: str, text: str) -> str | None:
    found = re.findall(pattern, text)
    return str(found[-1]) if found else None


def _number(pattern: str, text: str) -> float | None:
    found = _last(pattern, text)
    return None if found is None else float(found.replace("D", "E"))


def single_point(name: str, properties: Properties) -> SinglePoint:
    """Return the energy and forces of a structure as they are stored."""
    forces = np.asarray(properties["forces"], dtype=float)
    details: ScfDetails = properties.get("details") or ScfDetails()
    return SinglePoint(
        name=name,
        energy_ev=float(properties["energy"]),
        forces_ev_per_ang=np.round(forces, 6).tolist(),
        max_force_ev_per_ang=round(longest(forces), 6),
        scf_steps=details.steps,
        scf_accuracy_ry=details.accuracy_ry,
        smearing_energy_ev=details.smearing_energy_ev,
        fermi_ev=properties.get("fermi_ev"),
        magnetization_mub=details.magnetization_mub,
    )
