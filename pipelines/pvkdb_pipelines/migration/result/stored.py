"""Hosts and paths of finished calculations in the store, and their XYZ files."""

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
    """Return the complete supercell of a calculation.

    Raises:
        NotFoundError: the store does not contain it.
    """
    found = session.get(Structure, f"{calculation}-host")
    if found is None:
        raise NotFoundError(f"the store has no host of calculation {calculation}")
    return atoms_of(found)


def stored_path(session: Session, calculation: str, hop: int) -> list[Atoms]:
    """Return all images of a hop (number from 1) in order, with their energies.

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
            f"the store has no path of hop {hop} of calculation {calculation}: pvkdb neb shows "
            "whether one was found; if the calculation was imported without paths, import the "
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
    """Return one hop, or all hops with a path, as extended XYZ with labelled frames.

    Raises:
        InputError: the hop does not exist.
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
