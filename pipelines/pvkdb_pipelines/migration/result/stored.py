"""Hosts and paths of finished calculations, from the store and as files."""

from __future__ import annotations

import io

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.structures.user_structures import atoms_of


def stored_host(session: Session, calculation: str) -> Atoms:
    """The complete supercell of a calculation.

    Raises:
        NotFoundError: the store does not hold it.
    """
    found = session.get(Structure, f"{calculation}-host")
    if found is None:
        raise NotFoundError(f"the store holds no host of calculation {calculation}")
    return atoms_of(found)


def stored_path(session: Session, calculation: str, hop: int) -> list[Atoms]:
    """The images of a hop (number from 1) in their order, end points included, with energies.

    Raises:
        NotFoundError: the hop has no path.
    """
    prefix = f"{calculation}-hop-{hop}-image-"
    query = select(Structure).where(
        Structure.calculation_id == calculation, Structure.id.startswith(prefix, autoescape=True)
    )
    found = sorted(
        session.scalars(query), key=lambda structure: int(structure.id.removeprefix(prefix))
    )
    if not found:
        raise NotFoundError(
            f"the store holds no path of hop {hop} of calculation {calculation}: pvkdb neb says "
            "whether one was found; of a calculation that was imported without paths, import the "
            "whole file"
        )
    images = []
    for structure in found:
        image = atoms_of(structure)
        image.calc = SinglePointCalculator(image, energy=structure.energy_ev)
        images.append(image)
    return images


def path_text(
    session: Session, document: CalculationDocument, result: NebResult, hop: int | None
) -> str:
    """One hop, or every hop that has a path, as extended XYZ; each frame says what it is.

    Raises:
        InputError: there is no hop of this number.
    """
    if hop is not None and not 1 <= hop <= len(result.hops):
        raise InputError(f"hop {hop} does not exist; the calculation has {len(result.hops)}")
    text = io.StringIO()
    for number, barrier in enumerate(result.hops, start=1):
        if barrier.saddle_ev is None or hop not in (None, number):
            continue
        for index, image in enumerate(stored_path(session, document.id, number)):
            image.info.update(
                calculation=document.id,
                potential=document.parameters["potential"],
                hop=number,
                hop_class=barrier.hop.hop_class,
                image=index,
                relative_energy_ev=barrier.image_energies_ev[index],
            )
            write(text, image, format="extxyz")
    return text.getvalue()
