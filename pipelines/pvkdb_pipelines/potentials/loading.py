"""Potentials by name: shipped ones, those of other packages, functions and files.

The weights are part of the wheels of CHGNet and SevenNet, so nothing is downloaded. The heavy
libraries are imported only when a potential is loaded. Another package registers a function in the
group ``pvkdb.potentials`` of its entry points. The owner of a machine can also name a function,
``module:function``, or weights, ``nequix:FILE``: these run code, so the service refuses them, and a
worker computes only those that its owner permits.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points, metadata, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from pvkdb._extras import needing
from pvkdb.errors import CalculationFailedError, InputError, MissingExtraError, unknown_name
from pvkdb.schemas.calculations import (
    POTENTIALS_GROUP,
    FailureKind,
    PotentialName,
    registered_potentials,
)
from pvkdb_pipelines.potentials import batch
from pvkdb_pipelines.potentials.potential import Evaluate, Potential, Properties

#: Environment variables: where potentials run, ``cpu`` or ``cuda``; and the code and files that
#: this machine may load for the queue, separated by commas.
DEVICE, PERMITTED = "PVKDB_DEVICE", "PVKDB_POTENTIALS"
#: Energies that a potential may return, eV an atom. Tungsten, the most tightly bound, has −13; the
#: margin is for other zeros of energy and for structures that an optimizer passes through.
EV_PER_ATOM = (-100.0, 100.0)
#: MPtrj, the training set of the shipped models, contains 89 of the first 94 elements.
_MPTRJ_ELEMENTS = frozenset(chemical_symbols[1:95]) - {"Po", "At", "Rn", "Fr", "Ra"}
#: Package of each shipped potential, and its name of the weights.
PACKAGES = {
    PotentialName.CHGNET: ("chgnet", "0.3.0"),
    PotentialName.SEVENNET_0: ("sevenn", "7net-0"),
    PotentialName.SEVENNET_L3I5: ("sevenn", "7net-l3i5"),
    PotentialName.SEVENNET_0_D3: ("sevenn", "7net-0"),
}
_HASH = re.compile(r"@[0-9a-f]{16}$")


def load_potential(name: PotentialName | str, device: str | None = None) -> Potential:
    """Load a potential; the model is read once per process and device.

    PyTorch is set to one thread: one process per core is faster, and several processes with several
    threads each can be ten times slower.

    Args:
        name: A shipped or registered potential, ``module:function`` or ``nequix:FILE``.
        device: ``cpu`` or ``cuda``; default: from PVKDB_DEVICE, else ``cpu``.

    Raises:
        CalculationFailedError: The potential cannot be loaded, or its file has changed.
        InputError: The potential is unknown, or the device cannot be used.
        MissingExtraError: The library of the potential is not installed.
    """
    if ":" not in name and name not in (known := registered_potentials()):
        raise InputError(unknown_name("potential", str(name), known))
    device = chosen_device(device)
    try:
        found = _shipped(name, device) if name in list(PotentialName) else _plugin(name, device)
    except (CalculationFailedError, MissingExtraError):
        raise
    except Exception as error:  # libraries and plug-ins raise errors of any type
        said = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        raise _not_loaded(name, said) from error
    where = {} if device == "cpu" else {"device": device}
    return replace(found, device=device, versions=found.versions | where)


def metered(
    given: Potential | None, name: PotentialName | str, elements: Sequence[str]
) -> tuple[Potential, Callable[[], dict[str, Any]]]:
    """Return a potential for these elements, and what returns its calls and time since then.

    Args:
        given: Used instead of the one that the name loads.
        name: See :func:`load_potential`, whose errors are raised.
        elements: Symbols of the elements that it must know.

    Raises:
        CalculationFailedError: The potential was not trained on one of the elements.
    """
    started, cpu_started = time.perf_counter(), batch.cpu_seconds()
    potential = given or load_potential(name)
    potential.require_elements(elements)
    calls_before = potential.force_calls

    def spent() -> dict[str, Any]:
        return {
            "force_calls": potential.force_calls - calls_before,
            "cpu_seconds": round(batch.cpu_seconds() - cpu_started, 3),
            "wall_seconds": round(time.perf_counter() - started, 3),
        }

    return potential, spent


def chosen_device(device: str | None = None) -> str:
    """Return the given device, or that of PVKDB_DEVICE, or ``cpu``.

    Raises:
        InputError: The device is unknown, or PyTorch cannot use a GPU here.
        MissingExtraError: PyTorch is not installed.
    """
    chosen = device or os.environ.get(DEVICE) or "cpu"
    if chosen not in ("cpu", "cuda"):
        raise InputError(unknown_name("device", chosen, ("cpu", "cuda")))
    if chosen == "cuda":
        with needing("potentials"):
            import torch

        if not torch.cuda.is_available():
            raise InputError(
                f"device cuda cannot be used: PyTorch {torch.__version__} finds no CUDA GPU; "
                "install PyTorch with CUDA and the driver of the GPU, or use cpu"
            )
    return chosen


def local_potential(name: str) -> PotentialName | str:
    """Return the full name of a potential that the owner of this machine has named.

    Code and files get the start of the SHA-256 of their file, and are permitted in this process and
    in those that it starts.

    Raises:
        InputError: There is no such potential, module or file.
    """
    known, plain = registered_potentials(), _HASH.sub("", name)
    if ":" not in name:
        if name not in known:
            raise InputError(unknown_name("potential", name, known))
        return PotentialName(name) if name in list(PotentialName) else name
    if plain.startswith("nequix:"):
        plain = f"nequix:{Path(plain.removeprefix('nequix:')).absolute()}"
    if re.search(r"[@,\n]", plain):
        raise InputError(f"{plain} contains '@', ',' or a line break; rename the file")
    full = f"{plain}@{_digest(_source(plain))}"
    os.environ[PERMITTED] = ",".join(dict.fromkeys([*_permitted(), plain]))
    return full


def require_permitted(name: str) -> None:
    """Check that this machine may compute with a potential that a request names.

    Raises:
        CalculationFailedError: It is not installed here, or not permitted.
    """
    plain = _HASH.sub("", name)
    if ":" not in name and name not in registered_potentials():
        raise _not_loaded(name, "no package on this machine registers it; install the package")
    if ":" in name and plain not in _permitted():
        raise _not_loaded(
            name,
            "it runs code or reads a file of this machine, which the worker does not permit; if "
            f"you trust it, start the worker with {PERMITTED}={plain}",
        )


def licence(package: str) -> str:
    """Return the licence that an installed package states, in its own words."""
    about = dict(metadata(package).json)
    stated = str(about.get("license_expression") or about.get("license") or "not stated")
    return stated.split("\n")[0]


def _permitted() -> list[str]:
    return [name for name in os.environ.get(PERMITTED, "").split(",") if name]


def _digest(path: Path) -> str:
    """Return the start of the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _not_loaded(name: str, reason: str) -> CalculationFailedError:
    return CalculationFailedError(
        FailureKind.POTENTIAL_NOT_LOADED, f"potential {name} cannot be loaded: {reason}"
    )


def _source(plain: str) -> Path:
    """Return the file that decides the numbers of ``module:function`` or ``nequix:FILE``."""
    kind, _, rest = plain.partition(":")
    if kind == "nequix":
        if find_spec("nequix") is None:
            raise InputError(
                "nequix:FILE needs the package nequix, which is not installed; install it with: "
                "pip install nequix"
            )
        missing = f"there is no file {rest}; name the weights, e.g. nequix:nequix-oam-1.nqx"
    else:
        rest = ""
        with suppress(ImportError, ValueError):
            rest = getattr(find_spec(kind), "origin", None) or ""
        missing = f"there is no Python module {kind!r}; install it, or add its folder to PYTHONPATH"
    if not (path := Path(rest)).is_file():
        raise InputError(f"{plain}: {missing}")
    return path


@cache
def _shipped(name: PotentialName, device: str) -> Potential:
    package, weights = PACKAGES[PotentialName(name)]
    with needing("potentials"):
        if package == "chgnet":
            from pvkdb_pipelines.potentials.chgnet import load_chgnet, weights_file

            evaluate, path = load_chgnet(weights, device), weights_file(weights)
        else:
            from pvkdb_pipelines.potentials.sevennet import load_sevennet

            evaluate = load_sevennet(weights, device)  # the first import of sevenn, without noise
            from sevenn.util import pretrained_name_to_path

            path = Path(pretrained_name_to_path(weights))
    versions = {each: version(each) for each in (package, "torch", "ase")}
    if name == PotentialName.SEVENNET_0_D3:
        with needing("dispersion"):
            evaluate = _with_dispersion(evaluate)
        versions |= {"dftd3": version("dftd3"), "dispersion": "D3(BJ), PBE"}
    return Potential(
        name=str(name),
        weights=weights,
        versions=versions | {weights: f"sha256:{_digest(path)}"},
        elements=_MPTRJ_ELEMENTS,
        evaluate_many=evaluate,
        licence=licence(package),
        ev_per_atom=EV_PER_ATOM,
    )


def _with_dispersion(evaluate: Evaluate) -> Evaluate:
    """Return a model plus Grimme's D3 with Becke-Johnson damping and the parameters of PBE.

    0.06 s for 156 atoms. Source: S. Grimme, S. Ehrlich, L. Goerigk, J. Comput. Chem. 32, 1456
    (2011), doi:10.1002/jcc.21759.
    """
    from dftd3.ase import DFTD3

    dispersion = _evaluate_with(DFTD3(method="PBE", damping="d3bj"), "dftd3")

    def both(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        pairs = zip(evaluate(structures, stress), dispersion(structures, stress), strict=True)
        return [{name: found[name] + more[name] for name in more} for found, more in pairs]

    return both


@cache
def _plugin(name: str, device: str) -> Potential:
    """Return a potential of a package, function or file; raises whatever their code raises."""
    source, versions, made = _HASH.sub("", name), {"ase": version("ase")}, None
    if ":" not in name:
        (entry, *_) = entry_points(group=POTENTIALS_GROUP, name=name)
        source, function, package = entry.value, entry.load(), entry.dist and entry.dist.name
    else:
        found = _digest(_source(source))
        if name not in (source, f"{source}@{found}"):
            raise InputError(f"its file has changed: its SHA-256 is now {found}…; request it again")
        versions[source] = f"sha256:{found}"
        kind, _, rest = source.partition(":")
        package = next(iter(packages_distributions().get(kind.partition(".")[0], ())), None)
        if kind == "nequix":
            function = partial(
                import_module("nequix.calculator").NequixCalculator,
                model_path=rest,
                backend="torch" if rest.endswith(".pt") else "jax",
                use_kernel=device == "cuda",
            )
        else:
            function = getattr(import_module(kind), rest)
    if "device" in inspect.signature(function).parameters:
        made = function(device=device)
    elif device == "cpu" or source.startswith("nequix:"):
        made = function()
    else:
        raise InputError(f"{source} takes no argument 'device'; compute it with device cpu")
    if package:
        versions[package] = version(package)
    if isinstance(made, Potential):
        bounds = made.ev_per_atom or EV_PER_ATOM
        return replace(made, name=name, versions=made.versions | versions, ev_per_atom=bounds)
    if not hasattr(made, "get_potential_energy"):
        raise InputError(
            f"{source} returned {type(made).__name__}; return an ASE calculator or a Potential"
        )
    return Potential(
        name=name,
        weights=source,
        versions=versions,
        elements=frozenset(getattr(made, "elements", None) or chemical_symbols[1:]),
        evaluate_many=_evaluate_with(made, name),
        licence=licence(package) if package else "not stated",
        ev_per_atom=EV_PER_ATOM,
    )


def _evaluate_with(calculator: Any, name: str) -> Evaluate:
    """Return a function that evaluates structures with an ASE calculator, one after the other."""

    def evaluate(structures: Sequence[Atoms], stress: bool) -> list[Properties]:
        return [one(structure, stress) for structure in structures]

    def one(structure: Atoms, stress: bool) -> Properties:
        atoms = structure.copy()
        atoms.set_constraint()  # constraints would change the forces
        atoms.calc = calculator
        try:
            found: Properties = {
                "energy": float(atoms.get_potential_energy()),
                "forces": np.array(atoms.get_forces(), dtype=float),
            }
            if stress:
                found["stress"] = np.array(atoms.get_stress(), dtype=float)
        except Exception as error:  # each calculator raises its own errors
            raise CalculationFailedError(
                FailureKind.POTENTIAL_FAILED,
                f"{name} failed for {structure.get_chemical_formula()}: {type(error).__name__}: "
                f"{error}",
            ) from error
        return found

    return evaluate
