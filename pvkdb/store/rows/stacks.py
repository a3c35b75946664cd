"""Stacks of devices as text: layers with their roles, from the bottom to the top."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pvkdb.errors import InputError

#: A layer: its role and its material.
Layer = tuple[str, str]

#: Columns derived from the layers of a device: the separator, and the roles of the layers.
_COLUMNS = {
    "bottom_electrode": ("/", ("bottom_electrode",)),
    "top_electrode": ("/", ("top_electrode",)),
    "other_layers": ("; ", ("substrate", "adhesion", "transport", "buffer", "interlayer")),
}


def split_layers(text: str) -> list[Layer]:
    """Return the layers of ``role=material | role=material``, from the bottom to the top.

    Raises:
        InputError: a layer lacks its role, or the role is unknown.

    Example:
        >>> split_layers("bottom_electrode=ITO | absorber=CsPbBr3 | top_electrode=Ag")[1]
        ('absorber', 'CsPbBr3')
    """
    from pvkdb.store.models.devices import LAYER_ROLES  # drafts read stacks without the models

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
    """Return layers as the text of one cell, the inverse of :func:`split_layers`."""
    return " | ".join(f"{role}={material}" for role, material in layers)


def split_structure(structure: str) -> list[str]:
    """Return the materials of a stack ``ITO/CsPbBr3/Ag``; slashes in brackets do not count."""
    return [part.strip() for part in re.split(r"/(?![^(\[]*[)\]])", structure) if part.strip()]


def layer_columns(layers: Sequence[Layer]) -> dict[str, str | None]:
    """Return the columns ``bottom_electrode``, ``top_electrode``, ``other_layers`` of a stack."""
    return {
        column: separator.join(material for role, material in layers if role in roles) or None
        for column, (separator, roles) in _COLUMNS.items()
    }
