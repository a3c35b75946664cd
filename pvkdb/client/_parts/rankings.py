"""Rankings of the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, ClientPart, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._parts.parameters import RangeValue, parameters_of
from pvkdb.client._search.queries import FilterValue, query_of
from pvkdb.client._search.tables import chosen_fields

if TYPE_CHECKING:
    from pvkdb.schemas.profiles import Profile, Subject
    from pvkdb.schemas.rankings import Ranking


class RankingOperations(ClientPart):
    """Operations of both clients on rankings."""

    @operation
    def names(self) -> Steps[list[str]]:
        """Return the names of the applications.

        Example:
            >>> "synaptic-training" in client.rankings.names()
            True
        """
        from pvkdb.schemas.responses import Page

        answer = yield from self._service.read(path_of("rankings"))
        return parse(Page[str], answer).data

    @operation
    def profile(self, application: str) -> Steps[Profile]:
        """Return the criteria of an application, with bounds, weights and sources.

        Raises:
            NotFoundError: the application does not exist; lists the known ones.

        Example:
            >>> client.rankings.profile("selector").devices[0].metric
            'retention_s'
        """
        from pvkdb.schemas.profiles import Profile

        answer = yield from self._service.read(path_of("rankings", application, "profile"))
        return parse(Profile, answer)

    @operation
    def get(
        self,
        /,
        application: str,
        subject: Subject = "devices",
        *,
        weights: Mapping[str, float] | None = None,
        reading: str | None = None,
        computed: bool = True,
        unreviewed: bool = False,
        samples: int | None = None,
        limit: int | None = None,
        fields: Iterable[str] | None = None,
        thickness_nm: RangeValue | None = None,
        bias_v: RangeValue | None = None,
        temperature_k: RangeValue | None = None,
        write_time_s: RangeValue | None = None,
        **filters: FilterValue,
    ) -> Steps[Ranking]:
        """Return the ranking for an application, with every criterion and its evidence.

        Args:
            application: name of the application.
            subject: devices or materials.
            weights: weights by metric that replace the profile's weights.
            reading: name of another interpretation of ambiguous requirements.
            computed: whether E_A and DFE that pvkdb computed count.
            unreviewed: whether imports that nobody has confirmed count.
            samples: number of random weights of papers and criteria.
            limit: number of candidates, from the best on; all are ranked.
            fields: only these fields of each candidate and its id; reading another one raises an
                error.
            thickness_nm: layer thickness for predictions, a number or (low, high).
            bias_v: bias across the layer, likewise; default for devices: their SET voltage.
            temperature_k: temperature, likewise.
            write_time_s: duration of the pulse for the predicted SET voltage, likewise.
            filters: what is ranked: lead_free, has_device, has_stack, ions_known and
                only_screening (True), family, halide and compositions (a list); of devices,
                their absorber counts.

        Raises:
            NotFoundError: the application does not exist; lists the known ones.
            InputError: a weight, the reading, a field or a filter cannot be used.

        Example:
            >>> ranking = client.rankings.get("synaptic-training", samples=10, limit=20)
            >>> ranking.candidates[0].kind
            'device'
        """
        from pydantic import create_model

        from pvkdb.schemas.rankings import RankedCandidate, Ranking, RankingQuestion
        from pvkdb.schemas.tables.columns import only_fields

        given, model = locals(), Ranking
        asked = {name: given[name] for name in RankingQuestion.model_fields}
        if fields is not None:
            asked["fields"] = [*chosen_fields("candidates", "id", fields, RankedCandidate)]
            part: Any = only_fields(RankedCandidate, tuple(asked["fields"]))
            model = create_model("Ranking", __base__=Ranking, candidates=list[part])
        query = parameters_of(limit=limit, **asked)
        chosen = {
            name: value if isinstance(value, str) else ",".join(value)
            for name, value in query_of(filters).items()
        }
        answer = yield from self._service.read(path_of("rankings", application), chosen | query)
        return parse(model, answer)

    @operation
    def sheet(
        self,
        /,
        application: str,
        subject: Subject = "devices",
        *,
        ending: Literal["html", "pdf", "json"] = "html",
        **options: RangeValue | Mapping[str, float] | None,
    ) -> Steps[bytes]:
        """Return the decision sheet of a ranking as the bytes of a file.

        Args:
            application: name of the application.
            subject: devices or materials.
            ending: kind of file; ``json`` is a :class:`~pvkdb.schemas.rankings.DecisionSheet`.
            options: the options of :meth:`get`.

        Raises:
            NotFoundError: the application does not exist; lists the known ones.
            InputError: an option is unknown or cannot be used.

        Example:
            >>> client.rankings.sheet("selector", ending="pdf", samples=10)[:4]
            b'%PDF'
        """
        query = parameters_of(subject=subject, sheet=ending, **options)
        answer = yield from self._service.read(path_of("rankings", application), query)
        return answer.content


class Rankings(RankingOperations, Blocking):
    """Devices and materials ranked for applications."""


class AsyncRankings(RankingOperations, Awaiting):
    """Devices and materials ranked for applications; see :class:`Rankings`."""
