"""Physically unclonable functions from arrays of states: keys, and how good they are.

Uniqueness, uniformity, reliability and bit aliasing: A. Maiti, V. Gunreddy and P. Schaumont, in
Embedded Systems Design with FPGAs, Springer, 245 (2013), doi 10.1007/978-1-4614-1362-2_11. All are
means over bits, and their intervals are from resampling the bits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pvkdb.errors import InputError
from pvkdb.measurements.forms import Cycles, Floats, States
from pvkdb.measurements.metrics import Measured, over_cycles

__all__ = ["key_bits", "key_metrics", "puf_metrics"]

Bits: TypeAlias = npt.NDArray[np.bool_]


def key_bits(states: npt.ArrayLike, by: str | float = "pairs") -> Bits:
    """Return the bits of keys from states, in any unit, with the cells on the last axis.

    ``pairs``: 1 where the first of two neighbouring cells is larger, one bit a pair (R. A. John et
    al., Nat. Commun. 12, 3681 (2021), doi 10.1038/s41467-021-24057-0). ``median``: 1 above the
    median of the array, by which half of the bits are 1. A number: 1 above this state.

    Raises:
        InputError: a state is not a number, a pair is incomplete or equal, or ``by`` is unknown.
    """
    x = np.asarray(states, dtype=float)
    if wrong := int((~np.isfinite(x)).sum()):
        raise InputError(f"{wrong} of {x.size} states are not numbers; leave those cells out")
    if not isinstance(by, str):
        return np.asarray(x > by)
    if by == "median":
        return np.asarray(x > np.median(x, axis=-1, keepdims=True))
    if by != "pairs":
        raise InputError(f"bits by {by!r} are not known; give pairs, median or a state as a number")
    if x.shape[-1] % 2:
        raise InputError(f"{x.shape[-1]} cells do not make pairs; give an even number")
    first, second = x[..., ::2], x[..., 1::2]
    if equal := int((first == second).sum()):
        text = f"{equal} of {first.size} pairs have equal states, which give no bit"
        raise InputError(f"{text}; give states with more digits, or leave those pairs out")
    return np.asarray(first > second)


def difference_percent(name: str, keys: npt.ArrayLike) -> Measured:
    """Return the mean share of bits in which two keys differ, over all pairs of keys × bits.

    Keys of different arrays give the uniqueness; keys that one array gives in different cycles, the
    reconfiguration. 50 % is ideal for both.
    """
    bits = _checked(keys, 2)
    count, ones = len(bits), bits.mean(axis=0)
    if count < 2:
        return Measured(name, None, note="one key: not tested")
    return _mean(name, 2 * ones * (1 - ones) * count / (count - 1), count, f"{count} keys")


def key_metrics(keys: npt.ArrayLike, again: npt.ArrayLike | None = None) -> list[Measured]:
    """Return uniqueness, uniformity, reliability and bit aliasing, in percent.

    Keys are arrays × bits, those read again arrays × reads × bits. The ends of the bit aliasing are
    the bits that are 1 in the fewest and in the most arrays.

    Raises:
        InputError: a bit is neither 0 nor 1, or the shapes do not fit.
    """
    bits = _checked(keys, 2)
    (count, width), ones, each = bits.shape, bits.mean(axis=0), bits.mean(axis=1)
    share, reliability = float(ones.mean()), Measured("reliability_percent", None, devices=count)
    reliability = replace(reliability, note="no key was read again")
    if again is not None:
        other = _checked(again, 3)
        if (len(other), other.shape[2]) != bits.shape:
            text = f"keys of {count} arrays × {width} bits, and {other.shape} read again"
            raise InputError(f"{text}; give arrays × reads × bits")
        right, note = (other == bits[:, None]).mean(axis=(0, 1)), f"{other.shape[1]} reads of each"
        reliability = _mean("reliability_percent", right, count, note)
    same, chance = int(((ones == 0) | (ones == 1)).sum()), share**count + (1 - share) ** count
    note = f"{same} of {width} bits are the same in all arrays, {chance * width:.2g} by chance"
    ends, how = (100 * float(ones.min()), 100 * float(ones.max())), "lowest and highest bit"
    aliasing = Measured("bit_aliasing_percent", 100 * share, ends, how, devices=count, note=note)
    if count < 2:
        aliasing = Measured("bit_aliasing_percent", None, note="one array: not tested")
    spread = f"arrays from {each.min():.1%} to {each.max():.1%}"
    uniformity = _mean("uniformity_percent", ones, count, spread)
    return [difference_percent("uniqueness_percent", bits), uniformity, reliability, aliasing]


def puf_metrics(form: Cycles | States, by: str | float = "pairs") -> list[Measured]:
    """Return the metrics of the keys of one measured array; each device or state is a cell.

    Cycles give a key a cycle, by HRS: uniformity and reconfiguration. States that were read several
    times give uniformity and reliability; the first read is the reference.

    Raises:
        InputError: see :func:`key_bits`.
    """
    return array_metrics(array_of(form), isinstance(form, Cycles), by)


def array_of(form: Cycles | States) -> Floats:
    """Return cycles × cells, by HRS and of cycles that all cells have, or reads × cells."""
    if isinstance(form, Cycles):
        return form.hrs_ohm.T[np.isfinite(form.hrs_ohm).all(axis=0)]
    reads = min(map(len, form.before))
    return np.array([each[:reads] for each in form.before]).T


def array_metrics(array: Floats, cycles: bool, by: str | float = "pairs") -> list[Measured]:
    """Return what :func:`puf_metrics` does of cycles × cells, or of reads × cells."""
    keys = key_bits(array, by)
    if not cycles:
        return key_metrics(keys[:1], keys[None, 1:] if len(keys) > 1 else None)
    uniformity = _mean("uniformity_percent", keys.mean(axis=0), 1, f"{len(keys)} cycles")
    return [uniformity, difference_percent("reconfiguration_percent", keys)]


def _mean(name: str, shares: Floats, arrays: int, note: str) -> Measured:
    note = f"{note}, {len(shares)} bits"
    return replace(over_cycles(name, np.mean, 100 * shares, note=note, devices=arrays), cycles=None)


def _checked(bits: npt.ArrayLike, axes: int) -> Bits:
    x = np.asarray(bits)
    if x.ndim != axes or not x.size or not np.isin(x, (0, 1)).all():
        raise InputError(f"keys of shape {x.shape}: give {axes} axes of 0 and 1")
    return np.asarray(x, dtype=bool)
