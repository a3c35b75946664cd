"""Rankings of devices, refused if they would take too long, and of the best materials."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.errors import InputError, PvkdbError, naming
from pvkdb.kinetics.conditions import Conditions, conditions_of
from pvkdb.schemas.kinetics import LayerRequest
from pvkdb.schemas.profiles import SUBJECTS, Profile, Subject
from pvkdb.schemas.rankings import Ranking
from pvkdb.snapshots.writing import one_moment
from pvkdb.store.changes import data_changes
from pvkdb.store.collections import COMPOSITIONS, DEVICES
from pvkdb.store.curation.kept import kept
from pvkdb.store.database import Store
from pvkdb.suitability.sheets.side_by_side import standings
from pvkdb_api.core.cache import QueryCache

#: Candidates that one request may rank; more would take the service minutes.
MOST_RANKED = 3_000
#: Materials that are ranked of a store with more.
SHORTLIST = 500
#: Priority of the process that keeps rankings, below that of the service, and its pauses in s.
NICE, KEEP_EVERY_S = 15, 1.0


def require_rankable(session: Session, command: str) -> None:
    """Refuse a ranking of devices that would keep the service busy for minutes.

    Raises:
        InputError: the store holds too many devices; names the ``command`` that ranks them.
    """
    total = DEVICES.count(session, {})
    if total > MOST_RANKED:
        raise InputError(
            f"this store holds {total:,} devices and the service ranks {MOST_RANKED:,} at "
            f"most; rank them with: {command}"
        )


def shortlisted(session: Session, options: suitability.Options) -> suitability.Options:
    """Return options that rank the best materials alone where the store holds too many."""
    if COMPOSITIONS.count(session, {}) <= MOST_RANKED:
        return options
    return replace(options, shortlist=SHORTLIST)


def rank(
    cache: QueryCache,
    session: Session,
    profile: Profile,
    subject: Subject,
    options: suitability.Options,
    layer: Conditions,
) -> Ranking:
    """Return the ranking for an application with a shipped profile, kept while the data are same.

    The default one may lag behind the data (:class:`pvkdb.store.curation.kept.Lag`). The service
    and its pages share what is kept; it must not be changed.

    Raises:
        InputError: the store holds too many devices.
        ParameterError: the weights or the reading do not fit the profile.
    """
    if subject == "devices":
        require_rankable(session, f"pvkdb rank {profile.name}")
    else:
        options = shortlisted(session, options)

    make = partial(suitability.rank, session, profile, subject, options, conditions=layer)
    plain = replace(options, weights=options.weights or None) == suitability.Options()
    if plain and layer == conditions_of(LayerRequest()):
        return kept(session, f"{subject} for {profile.name}", Ranking, make)

    def compute() -> Ranking:
        with naming("weights"):
            suitability.weighted(suitability.criteria_for(profile, subject), options.weights)
        with naming("reading"):
            return make()

    return cache.get(session, profile.name, question(subject, options, layer), compute)


def question(subject: Subject, options: suitability.Options, layer: Conditions) -> dict[str, Any]:
    """Return everything beside the profile and the data that a ranking depends on, for JSON."""
    asked: list[Any] = to_jsonable_python([subject, options, layer])
    asked[2]["defaulted"].sort()  # a set, which each process of a service has in another order
    return {"ranking": asked}


def keep_rankings(url: str, parent: int | None = None) -> None:
    """Compute the default rankings and standings that a store does not hold for its data.

    At low priority; what fails is left to the first request for it. While ``parent`` is the parent
    of this process, they are made again each time the data have changed.
    """
    os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which ends this
    store, seen = Store(url), None
    while parent is None or os.getppid() == parent:
        with suppress(PvkdbError), one_moment(store) as session:
            if (number := data_changes(session)) != seen:
                _keep(session)
                seen = number
        if parent is None:
            break
        time.sleep(KEEP_EVERY_S)
    store.close()


def _keep(session: Session) -> None:
    default = suitability.Options(), conditions_of(LayerRequest())
    profiles = [suitability.shipped_profile(name) for name in suitability.shipped_profiles()]
    for subject in SUBJECTS:
        counted = DEVICES if subject == "devices" else COMPOSITIONS
        if counted.count(session, {}) <= MOST_RANKED:
            standings(session, subject)
        for profile in profiles:
            with suppress(PvkdbError):
                rank(QueryCache(), session, profile, subject, *default)
