"""Rankings of devices and materials, refused if they would take too long for a request."""

from __future__ import annotations

from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.errors import InputError
from pvkdb.kinetics.conditions import Conditions
from pvkdb.schemas.profiles import Profile, Subject
from pvkdb.schemas.rankings import Ranking
from pvkdb.store.collections import COMPOSITIONS, DEVICES
from pvkdb.suitability.ranking.acceptability import SAMPLES
from pvkdb_api.core.refusals import naming

#: The most random weights and values that a request may have: the default of every surface.
MOST_SAMPLES = SAMPLES

#: Candidates that one request may rank; more would take the service minutes.
MOST_RANKED = 3_000


def require_rankable(session: Session, subject: Subject, command: str) -> None:
    """Refuse a ranking that would keep the service busy for minutes.

    Raises:
        InputError: the store holds too many candidates; names the ``command`` that ranks them.
    """
    counted = DEVICES if subject == "devices" else COMPOSITIONS
    total = counted.count(session, {})
    if total > MOST_RANKED:
        raise InputError(
            f"this store holds {total:,} {counted.name} and the service ranks {MOST_RANKED:,} at "
            f"most; rank them with: {command}"
        )


def rank(
    session: Session,
    profile: Profile,
    subject: Subject,
    options: suitability.Options,
    layer: Conditions,
) -> Ranking:
    """Return the ranking of the devices or materials for an application.

    Raises:
        InputError: the store holds too many candidates.
        ParameterError: the weights or the reading do not fit the profile.
    """
    option = " --materials" if subject == "materials" else ""
    require_rankable(session, subject, f"pvkdb rank {profile.name}{option}")
    with naming("weights"):
        suitability.weighted(suitability.criteria_for(profile, subject), options.weights)
    with naming("reading"):
        return suitability.rank(session, profile, subject, options, conditions=layer)
