"""The entry type ``trajectories`` of OPTIMADE 1.3: migration paths, whose frames are structures.

Each property of a structure that can change along a path is a list with one value a frame. As the
specification allows, only what all frames share can be searched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, literal, select
from sqlalchemy.orm import Session, aliased

from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.among import KEYS, among
from pvkdb_api.optimade import PREFIX
from pvkdb_api.optimade.entries.properties import PerFrame, Property, Scalar
from pvkdb_api.optimade.entries.search import EntryType, entries_of
from pvkdb_api.optimade.entries.structures import STRUCTURES

_frame = aliased(Structure)
#: Ids of frames are that of the first, ``CALCULATION-hop-N-image-0``, with other numbers.
_FIRST, _length = "-image-0", func.length(Structure.id) - 1
_is_frame = and_(
    _frame.calculation_id == Structure.calculation_id,
    func.substr(_frame.id, 1, _length) == func.substr(Structure.id, 1, _length),
)
#: Built once, since building takes longer than executing it.
_FRAMES = select(Structure.id, _frame.id, _frame.role).join(_frame, _is_frame)
_FRAMES = _FRAMES.where(among(Structure.id))

#: Properties of each frame among those with the prefix; all others are of the whole path.
_OF_FRAMES = {
    f"_{PREFIX}_{name}"
    for name in ("space_group", "role", "parent", "energy_ev", "forces_ev_per_ang")
}
_OF_PATHS = {"id", "immutable_id", "last_modified"}


def _frames(
    session: Session, keys: Sequence[str], names: Sequence[str]
) -> dict[str, dict[str, list[Any]]]:
    """Return lists with one value a frame, by path and property."""
    roles: dict[str, dict[str, str]] = defaultdict(dict)
    for path, frame, role in session.execute(_FRAMES, {KEYS: keys}):
        roles[path][frame] = role
    every = [frame for path in roles.values() for frame in path]
    own = [name for name in names if name in STRUCTURES.properties]
    values = {
        each["id"]: each["attributes"] for each in entries_of(session, STRUCTURES, own, every)
    }
    found: dict[str, dict[str, list[Any]]] = {}
    for path, frames in roles.items():
        order = sorted(frames, key=lambda frame: int(frame.rpartition("-")[2]))
        found[path] = {name: [values[frame][name] for frame in order] for name in own}
        if "reference_frames" in names:  # start, saddle point and end
            saddle = [n for n, frame in enumerate(order) if frames[frame].endswith("saddle")]
            found[path]["reference_frames"] = sorted({0, *saddle, len(order) - 1})
    return found


def _property(name: str, each: Property) -> Property:
    of_path = name in _OF_PATHS or (name.startswith("_") and name not in _OF_FRAMES)
    return each if of_path else PerFrame(name, "list", each.description, each.unit)


_number = select(func.count(_frame.id)).where(_is_frame).scalar_subquery()
_PROPERTIES: tuple[Property, ...] = (
    *(_property(name, each) for name, each in STRUCTURES.properties.items() if name != "type"),
    Scalar("type", "string", expression=literal("trajectories"), nullable=False),
    Scalar("nframes", "integer", "Number of frames.", expression=_number, nullable=False),
    PerFrame("reference_frames", "list", "Numbers of the first frame, the saddle point, the last."),
)

TRAJECTORIES = EntryType(
    name="trajectories",
    description="Migration paths of ions: each frame is a structure, an image of the path, whose "
    "properties are lists with one value a frame. The id is that of the first frame.",
    source=STRUCTURES.source.where(Structure.id.endswith(_FIRST)),
    key=Structure.id,
    properties={each.name: each for each in _PROPERTIES},
    relations=STRUCTURES.relations,
    related_references=STRUCTURES.related_references,
    frames=_frames,
)
