"""``pvkdb structure`` and ``fetch-structures``: structures of compositions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from typer import Argument, Option

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, OutputOption, open_store
from pvkdb.cli.output.composition_tables import print_fetched, print_prototypes
from pvkdb.cli.output.console import print_json, print_message, show, write_file
from pvkdb.errors import InputError, NotFoundError, ServiceError, unknown_name

if TYPE_CHECKING:
    from ase import Atoms

    from pvkdb.chemistry import Composition
    from pvkdb.store.files.structure_files import StructureFormat

#: Columns of a prototype with ``--json``.
_PROTOTYPE = ("phase", "name", "space_group", "number", "wyckoff", "linkage")
#: Below this probability by Bartel's τ, a perovskite comes with a warning.
_UNLIKELY = 0.1
#: Formats of structures by the ending of the file.
_ENDINGS = {".cif": "cif", ".vasp": "poscar", ".poscar": "poscar", ".xyz": "extxyz"}


def structure(
    formula: Annotated[str, Argument(help="Composition, e.g. CsPbI3, MAPbI3 or CsPbI2Br.")],
    phase: Annotated[
        str | None, Option(help="Prototype, e.g. Pnma or delta; default: likeliest.")
    ] = None,
    format: Annotated[str, Option(help="cif, poscar or extxyz; default: from the file name.")] = "",
    output: OutputOption = None,
    rattle: Annotated[float, Option(min=0, max=0.5, help="Random displacement of atoms, Å.")] = 0.0,
    seed: Annotated[int, Option(min=0, help="Seed of what is random.")] = 2145,
    orientation: Annotated[
        str, Option(help="Of molecules: antipolar, polar, or random with the seed.")
    ] = "antipolar",
    units: Annotated[
        int | None, Option(min=1, help="Formula units of a mixture's cell; default: what fits.")
    ] = None,
    ordered: Annotated[
        bool, Option("--ordered", help="Order a mixture in its smallest cell.")
    ] = False,
    list_phases: Annotated[bool, Option("--list", help="List the prototypes and exit.")] = False,
    relaxed: Annotated[
        bool, Option("--relaxed", help="Write a relaxed structure instead.")
    ] = False,
    potential: Annotated[str, Option(help="Potential of the relaxed structure.")] = "",
    source: Annotated[
        Path | None,
        Option("--from", metavar="FILE", help="Store this CIF, POSCAR or XYZ file instead."),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write the prototype structure of a composition. It is not relaxed."""
    from pvkdb.chemistry import parse_composition

    composition = parse_composition(formula)
    modes = {"--list": list_phases, "--relaxed": relaxed, "--from": source is not None}
    chosen = [name for name, given in modes.items() if given]
    if len(chosen) > 1:
        raise InputError(f"{' and '.join(chosen)} exclude each other; give one of them")
    if list_phases:
        _list_prototypes(composition, json)
        return
    if source is not None:
        _add(source, composition, phase, database, json)
        return
    wanted = _format(format, output)
    if relaxed:
        atoms, notes = _relaxed(composition, phase, potential, database)
    else:
        atoms, notes = _start(composition, phase, rattle, seed, orientation, units, ordered)
    _write(atoms, notes, wanted, output, json)
    for note in notes:
        print_message(note)


def fetch_structures(
    sources: Annotated[
        list[str],
        Option(
            "--from",
            metavar="URL|FILE",
            help="OPTIMADE provider, or JSON file from mp-api; may be repeated.",
        ),
    ],
    filter: Annotated[
        str, Argument(help='OPTIMADE filter, e.g. \'elements HAS ALL "Cs","Pb"\'; not for files.')
    ] = "",
    pages: Annotated[int, Option(min=1, help="Most pages of 100 from each provider.")] = 100,
    minutes: Annotated[float, Option(min=0, help="Time after which no page is requested.")] = 30.0,
    progress: Annotated[
        Path, Option(metavar="FILE", help="File that keeps the next page of each provider.")
    ] = Path("pvkdb-fetch.json"),
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Store structures from other databases, with origin.

    Each keeps its provider, id, address, time and licence. Ordered crystals of halide perovskites
    are stored, others are refused and counted. If a provider fails or a limit is reached, the same
    command resumes.
    """
    from dataclasses import asdict

    from pvkdb_pipelines.structures.providers import fetch_structures as fetch
    from pvkdb_pipelines.structures.providers import read_documents

    urls = [source for source in sources if "://" in source]
    if bool(urls) != bool(filter.strip()):
        raise InputError(
            "OPTIMADE providers need a filter, and files take none; write for example: "
            'pvkdb fetch-structures \'elements HAS ALL "Cs","Pb"\' --from https://HOST'
        )
    store = open_store(database, create=True)
    reports = [read_documents(store, Path(each)) for each in sources if each not in urls]
    if urls:
        reports += fetch(
            store,
            filter,
            urls,
            progress=progress,
            pages=pages,
            minutes=minutes,
            show=lambda each: print_message(f"{each.provider}: {each.received:,} received"),
        )
    show([asdict(report) for report in reports], json, lambda _: print_fetched(reports))
    failures = [f"{each.source}: {each.stopped}" for each in reports if each.failed]
    if failures:
        raise ServiceError(
            f"{'; '.join(failures)}; run the same command again to resume, or delete {progress} "
            "to start again"
        )


def _list_prototypes(composition: Composition, json: bool) -> None:
    from pvkdb_pipelines.prototypes import (
        FAMILIES_WITH_PROTOTYPES,
        candidates,
        compound_of,
        phases,
        prototypes_of,
    )

    try:
        compound = compound_of(composition)
        known = prototypes_of(compound)
        searched = {info.phase for info in candidates(compound)}
    except InputError as error:
        if composition.family not in FAMILIES_WITH_PROTOTYPES:
            raise
        # The phases of a mixed or molecular composition are known, but cannot be built.
        print_message(str(error))
        known, searched = phases(composition.family), set()
    if not json:
        print_prototypes(composition.formula, known, searched)
        return
    print_json(
        [
            {
                "formula": composition.formula,
                **{name: getattr(info, name) for name in _PROTOTYPE},
                "searched": info.phase in searched,
                "source": info.source,
            }
            for info in known
        ]
    )


def _start(
    composition: Composition,
    phase: str | None,
    rattle_ang: float,
    seed: int,
    orientation: str,
    units: int | None,
    in_order: bool,
) -> tuple[Atoms, list[str]]:
    from pvkdb.chemistry import tolerance_factors
    from pvkdb.chemistry.factors.tolerance import DEFINED
    from pvkdb.chemistry.family import family_of_phase
    from pvkdb.compositions.compounds import Mixture
    from pvkdb_pipelines.prototypes import build, candidates, compound_of, prototype
    from pvkdb_pipelines.prototypes.catalogue import with_molecules
    from pvkdb_pipelines.prototypes.mixtures import ordered, quasirandom

    compound = compound_of(composition)
    chosen = candidates(compound)[0].phase if phase is None else phase
    info = prototype(compound.stoichiometry, chosen)
    notes = [
        f"{composition.formula} {info.phase} ({info.name}): starting structure with lengths from "
        "radii, not relaxed",
        f"prototype: {info.source}; radii: R. D. Shannon, Acta Cryst. A 32, 751 (1976)",
    ]
    if family_of_phase(composition.family, chosen) in DEFINED:
        p = tolerance_factors(composition).p_perovskite
        if p is not None and p < _UNLIKELY:
            notes.append(
                f"warning: Bartel's τ gives {composition.formula} a probability of {p:.2f} to be a "
                "perovskite; compare it with other phases (--list) before you use it"
            )
    if isinstance(compound, Mixture):
        cell = ordered(compound, info) if in_order else quasirandom(compound, info, units, seed)
        atoms = with_molecules(compound, cell.atoms, orientation, seed)
        notes.append(cell.kind)
    elif in_order or units is not None:
        raise InputError(f"{compound} is no mixture; leave --units and --ordered away")
    else:
        atoms = build(compound, info.phase, seed=seed, pattern=orientation)
    if compound.molecular:
        drawn = f", seed {seed}" if orientation == "random" else ""
        notes.append(
            f"molecules turned in the {orientation} pattern{drawn}, one of many: compare several"
        )
    if rattle_ang > 0:
        atoms.rattle(stdev=rattle_ang, seed=seed)
        notes.append(f"every coordinate displaced at random by {rattle_ang} Å, seed {seed}")
    return atoms, notes


def _relaxed(
    composition: Composition, phase: str | None, potential: str, database: str
) -> tuple[Atoms, list[str]]:
    from pvkdb.store.models.calculations import Calculation
    from pvkdb_pipelines.structures.user_structures import atoms_of, stored

    with open_store(database).session(read_only=True) as session:
        hosts = {
            structure: session.get_one(Calculation, structure.calculation_id)
            for structure in stored(session, composition, "host", phase)
        }
        if potential:
            hosts = {s: c for s, c in hosts.items() if c.parameters["potential"] == potential}
        if not hosts:
            described = " ".join([composition.formula, *filter(None, (phase, potential))])
            raise NotFoundError(
                f"the store has no relaxed structure of {described}; compute one with: "
                f"pvkdb neb {composition.formula}"
            )
        # SevenNet-0, whose cells were measured, before CHGNet, which is too soft; then the phase of
        # the lowest energy.
        order = {"sevennet-0": 0, "chgnet": 2}
        host, *others = sorted(
            hosts,
            key=lambda s: (
                order.get(hosts[s].parameters["potential"], 1),
                (s.energy_ev or 0.0) / s.atoms,
                s.id,
            ),
        )
        notes = [
            f"{host.material.id}: relaxed, {host.origin}; structure {host.id}, "
            f"space group {host.space_group}"
        ]
        if others:
            listed = ", ".join(f"{s.id} ({hosts[s].parameters['potential']})" for s in others)
            notes.append(f"the store also has {listed}")
        return atoms_of(host), notes


def _add(
    path: Path, composition: Composition, phase: str | None, database: str, json: bool
) -> None:
    from pvkdb_pipelines.structures.user_structures import phase_of, read_start, store_start

    atoms = read_start(path, composition)
    phase = phase or phase_of(atoms, composition)
    with open_store(database, create=True).session() as session:
        origin = f"{path.name}, brought by a user"
        start, _ = store_start(session, atoms, composition, phase, origin)
        document = {
            "id": start.id,
            "material": start.material.id,
            "phase": start.material.phase,
            "space_group": start.space_group,
            "atoms": start.atoms,
        }
    stored = "stored {id} of {material}: {atoms} atoms, space group {space_group}"
    show(document, json, lambda start: print_message(stored.format(**start)))


def _format(format: str, output: Path | None) -> StructureFormat:
    from pvkdb.store.files.structure_files import STRUCTURE_FORMATS

    if format and format not in STRUCTURE_FORMATS:
        raise InputError(unknown_name("structure format", format, STRUCTURE_FORMATS))
    ending = "" if output is None else _ENDINGS.get(output.suffix.lower(), "")
    if output is not None and output.name.upper() in ("POSCAR", "CONTCAR"):
        ending = "poscar"
    if format and ending and format != ending:
        raise InputError(f"--format {format} and the ending of {output} must agree")
    return cast("StructureFormat", format or ending or "cif")


def _write(
    atoms: Atoms, notes: list[str], format: StructureFormat, output: Path | None, json: bool
) -> None:
    from pvkdb.store.files.structure_files import structure_text

    if json:
        print_json(
            {
                "notes": notes,
                "cell_ang": atoms.cell.array.tolist(),
                "symbols": atoms.get_chemical_symbols(),
                "positions_ang": atoms.positions.tolist(),
            }
        )
        return
    write_file(output, structure_text(atoms, format, notes))
