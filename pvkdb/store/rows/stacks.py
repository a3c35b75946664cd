"""Stacks of devices as text: layers with their roles, from the bottom to the top."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pvkdb.errors import InputError
from pvkdb.store.models.devices import LAYER_ROLES

#: A layer: its role and its material.
Layer = tuple[str, str]

#: Columns of a device that follow from its layers: what joins the materials, and whose.
_COLUMNS = {
    "bottom_electrode": ("/", ("bottom_electrode",)),
    "top_electrode": ("/", ("top_electrode",)),
    "other_layers": ("; ", ("substrate", "adhesion", "transport", "buffer", "interlayer")),
}


def split_layers(text: str) -> list[Layer]:
    """``role=material | role=material``, from the bottom to the top, as pairs.

    Raises:
        InputError: a layer has no role, or one that is not known.

    Example:
        >>> split_layers("bottom_electrode=ITO | absorber=CsPbBr3 | top_electrode=Ag")[1]
        ('absorber', 'CsPbBr3')
    """
    pairs = []
    for layer in filter(None, (part.strip() for part in text.split("|"))):
        role, equals, material = (part.strip() for part in layer.partition("="))
        if not equals or not material:
            raise InputError(f"the layer {layer!r} is not of the form role=material")
        if role not in LAYER_ROLES:
            raise InputError(
                f"the role {role!r} of layer {layer!r} is none of {', '.join(LAYER_ROLES)}"
            )
        pairs.append((role, material))
    return pairs


def join_layers(layers: Sequence[Layer]) -> str:
    """Pairs of role and material as one cell; the way back of :func:`split_layers`."""
    return " | ".join(f"{role}={material}" for role, material in layers)


def split_structure(structure: str) -> list[str]:
    """Materials of a printed stack ``ITO/CsPbBr3/Ag``; slashes within brackets do not separate."""
    return [part.strip() for part in re.split(r"/(?![^(\[]*[)\]])", structure) if part.strip()]


def layer_columns(layers: Sequence[Layer]) -> dict[str, str | None]:
    """The columns ``bottom_electrode``, ``top_electrode`` and ``other_layers`` of a stack."""
    return {
        column: separator.join(material for role, material in layers if role in roles) or None
        for column, (separator, roles) in _COLUMNS.items()
    }
