"""Pairs of neighbours in a crystal, and the edges of each atom in blocks.

The features of two neighbours are the same from both ends except for the direction, so they are
computed once per pair. The two edges of a pair are placed in blocks of equal length with one centre
each, so that the sum over the neighbours of an atom is a product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)

#: Edges per block. Longer blocks waste time on padding, shorter ones on adding blocks.
BLOCK = 8


@dataclass(frozen=True)
class Edges:
    """Pairs of neighbours and their edges in blocks of :data:`BLOCK` slots.

    Attributes:
        first: Atom at one end of each pair, shape (pairs,).
        second: Atom at the other end, shape (pairs,).
        vectors: From the first to the second, Å, shape (pairs, 3).
        centre: Central atom of each block, shape (blocks,).
        neighbour: Neighbour in each slot, shape (blocks · BLOCK,); 0 if empty.
        pair: Pair of each slot, same shape; 0 if empty.
        even: 1 in each slot, 0 if empty: factor of even features.
        odd: 1, or -1 if the neighbour is the first of its pair: factor of odd features.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    vectors: NDArray[np.float64]
    centre: NDArray[np.intp]
    neighbour: NDArray[np.intp]
    pair: NDArray[np.intp]
    even: NDArray[np.float32]
    odd: NDArray[np.float32]


def edges_in_blocks(
    atoms: int,
    source: NDArray[np.intp],
    target: NDArray[np.intp],
    vectors: NDArray[np.float64],
    shifts: NDArray[np.intp],
) -> Edges:
    """Arrange a full neighbour list, which contains each pair from both ends, in blocks.

    Args:
        atoms: Number of atoms.
        source: Atom from which each edge starts, shape (edges,).
        target: Atom at which it ends, shape (edges,).
        vectors: From source to target, Å, shape (edges, 3).
        shifts: Cells between the two, shape (edges, 3).
    """
    chosen = (source < target) | ((source == target) & _points_forward(shifts))
    first, second = source[chosen], target[chosen]
    pairs = np.arange(len(first))
    centre = np.concatenate([first, second])
    order = np.argsort(centre, kind="stable")
    centre = centre[order]
    degree = np.bincount(centre, minlength=atoms)
    blocks = -(-degree // BLOCK)
    rank = np.arange(len(centre)) - _starts(degree)[centre]
    slot = BLOCK * _starts(blocks)[centre] + rank

    def placed(values: NDArray[_T]) -> NDArray[_T]:
        slots = np.zeros(BLOCK * blocks.sum(), values.dtype)
        slots[slot] = values[order]
        return slots

    ones = np.ones(len(pairs), np.float32)
    return Edges(
        first=first,
        second=second,
        vectors=vectors[chosen],
        centre=np.repeat(np.arange(atoms), blocks),
        neighbour=placed(np.concatenate([second, first])),
        pair=placed(np.concatenate([pairs, pairs])),
        even=placed(np.concatenate([ones, ones])),
        odd=placed(np.concatenate([ones, -ones])),
    )


def _points_forward(shifts: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether each row's first nonzero number is positive, which selects one of each ± pair."""
    a, b, c = np.sign(shifts.T)
    return np.asarray(9 * a + 3 * b + c > 0)


def _starts(lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.cumsum(lengths) - lengths
