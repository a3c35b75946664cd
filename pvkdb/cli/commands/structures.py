"""``pvkdb structure``: starting structures, relaxed hosts, and structures that users bring."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json, print_table
from pvkdb.errors import InputError, NotFoundError, unknown_name

if TYPE_CHECKING:
    from ase import Atoms

    from pvkdb.chemistry import Composition
    from pvkdb.store.files.structure_files import StructureFormat

#: Endings of files, and the format that they ask for.
_ENDINGS = {".cif": "cif", ".vasp": "poscar", ".poscar": "poscar", ".xyz": "extxyz"}


def structure(
    formula: Annotated[str, typer.Argument(help="Inorganic composition, e.g. CsPbI3.")],
    phase: Annotated[
        str | None,
        typer.Option("--phase", help="Prototype, e.g. Pnma or delta; default: the likeliest."),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", help="cif, poscar or extxyz; default: by the file's ending.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of stdout.")
    ] = None,
    rattle: Annotated[
        float, typer.Option("--rattle", min=0, max=0.5, help="Random shift of every atom, Å.")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the random shift.")] = 2145,
    list_phases: Annotated[
        bool, typer.Option("--list", help="List the prototypes of the formula and stop.")
    ] = False,
    relaxed: Annotated[
        bool, typer.Option("--relaxed", help="The relaxed host that the store holds.")
    ] = False,
    potential: Annotated[
        str, typer.Option("--potential", help="Potential of the relaxed host, where several are.")
    ] = "",
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Add a CIF or POSCAR as a start to the store."),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write the starting structure of a composition in a phase; nothing is relaxed."""
    from pvkdb.chemistry import parse_composition

    composition = parse_composition(formula)
    chosen = [name for name, is_on in _modes(list_phases, relaxed, source).items() if is_on]
    if len(chosen) > 1:
        raise InputError(f"{' and '.join(chosen)} ask for different things; give one of them")
    if list_phases:
        _list(composition, json)
        return
    if source is not None:
        _add(source, composition, phase, database, json)
        return
    wanted = _format(format, output)
    if relaxed:
        atoms, notes = _relaxed(composition, phase, potential, database)
    else:
        atoms, notes = _start(composition, phase, rattle, seed)
    _write(atoms, notes, wanted, output, json)
    for note in notes:
        messages().print(note, markup=False)


def _modes(list_phases: bool, relaxed: bool, source: Path | None) -> dict[str, bool]:
    return {"--list": list_phases, "--relaxed": relaxed, "--from": source is not None}


def _list(composition: Composition, json: bool) -> None:
    from pvkdb_pipelines.prototypes import (
        FAMILIES_WITH_PROTOTYPES,
        candidates,
        compound_of,
        phases,
    )

    try:
        compound = compound_of(composition)
        known = phases(compound.stoichiometry)
        searched = {info.phase for info in candidates(compound)}
    except InputError as refusal:
        if composition.family not in FAMILIES_WITH_PROTOTYPES:
            raise
        # A mixed or molecular composition has the phases of its family, though none is built.
        messages().print(str(refusal), markup=False)
        known, searched = phases(composition.family), set()
    if json:
        print_json(
            [
                {
                    "formula": composition.formula,
                    "phase": info.phase,
                    "name": info.name,
                    "space_group": info.space_group,
                    "number": info.number,
                    "wyckoff": info.wyckoff,
                    "linkage": info.linkage,
                    "searched": info.phase in searched,
                    "source": info.source,
                }
                for info in known
            ]
        )
        return
    print_table(
        f"{composition.formula}: prototypes of {known[0].stoichiometry}",
        ["phase", "structure", "space group", "octahedra share", ""],
        [
            [
                info.phase,
                info.name,
                f"{info.space_group} ({info.number})",
                info.linkage,
                "searched" if info.phase in searched else "",
            ]
            for info in known
        ],
        whole=("phase", "space group"),
        caption="searched: relaxed in the search for the ground state, for the others too. "
        "Sources: --json.",
    )


def _start(
    composition: Composition, phase: str | None, rattle_ang: float, seed: int
) -> tuple[Atoms, list[str]]:
    from pvkdb_pipelines.prototypes import build, candidates, compound_of, prototype

    compound = compound_of(composition)
    chosen = candidates(compound)[0].phase if phase is None else phase
    info = prototype(compound.stoichiometry, chosen)
    atoms = build(compound, info.phase, rattle_ang, seed)
    notes = [
        f"{composition.formula} {info.phase} ({info.name}): a start with lengths from radii, "
        "not relaxed",
        f"prototype: {info.source}; radii: R. D. Shannon, Acta Cryst. A 32, 751 (1976)",
    ]
    if rattle_ang > 0:
        notes.append(f"every coordinate shifted at random by {rattle_ang} Å, seed {seed}")
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
                f"the store holds no relaxed host of {described}; compute one with: "
                f"pvkdb neb {composition.formula}"
            )
        # SevenNet-0 comes before CHGNet, which is soft; of one potential's, the lowest phase.
        host, *others = sorted(
            hosts,
            key=lambda s: (
                hosts[s].parameters["potential"] != "sevennet-0",
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
            notes.append(f"the store also holds {listed}")
        return atoms_of(host), notes


def _add(
    path: Path, composition: Composition, phase: str | None, database: str, json: bool
) -> None:
    from pvkdb_pipelines.structures.user_structures import phase_of, read_start, store_start

    atoms = read_start(path, composition)
    named = phase or phase_of(atoms, composition)
    with open_store(database).session() as session:
        start = store_start(session, atoms, composition, named, f"{path.name}, brought by a user")
        document = {
            "id": start.id,
            "material": start.material.id,
            "phase": start.material.phase,
            "space_group": start.space_group,
            "atoms": start.atoms,
        }
    if json:
        print_json(document)
    else:
        messages().print(
            f"start {document['id']} of {document['material']}: {document['atoms']} atoms, "
            f"space group {document['space_group']}",
            markup=False,
        )


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
    text = structure_text(atoms, format, notes)
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}") from error
    messages().print(f"wrote {output}", markup=False)
