"""Rankings of the service."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from pvkdb.client._answers import parse
from pvkdb.client._connection import API, Connection
from pvkdb.client._kinetics import RangeValue, range_parameters
from pvkdb.schemas.profiles import Profile, Subject
from pvkdb.schemas.rankings import Order, Ranking
from pvkdb.schemas.responses import Page


class Rankings:
    """Which devices and materials suit which application."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names(self) -> list[str]:
        """Applications that there are rankings for."""
        return parse(Page[str], self._connection.get(f"{API}/rankings")).data

    def profile(self, application: str) -> Profile:
        """What an application asks for, with bounds, weights and sources.

        Raises:
            NotFoundError: there is no such application; names those that there are.
        """
        path = f"{API}/rankings/{quote(application, safe='')}/profile"
        return parse(Profile, self._connection.get(path))

    def get(
        self,
        application: str,
        subject: Subject = "devices",
        *,
        order: Order = "shown",
        weights: Mapping[str, float] | None = None,
        reading: str | None = None,
        samples: int | None = None,
        thickness_nm: RangeValue = None,
        bias_v: RangeValue = None,
        temperature_k: RangeValue = None,
        write_time_s: RangeValue = None,
    ) -> Ranking:
        """The ranking for an application, every criterion and its evidence shown.

        Args:
            application: name of the application.
            subject: devices or materials.
            order: the score that decides.
            weights: other weights, by metric.
            reading: another reading of doubtful requirements, by its name.
            samples: random weights and values for the stability of the order.
            thickness_nm: layer that predictions assume, a number or (low, high).
            bias_v: bias across it, the same way; of devices their SET voltage unless given.
            temperature_k: the same way.
            write_time_s: pulse of the predicted SET voltage, the same way.

        Raises:
            NotFoundError: there is no such application; names those that there are.
            InputError: a weight or the reading cannot be used.
        """
        path = f"{API}/rankings/{quote(application, safe='')}"
        query: dict[str, str] = {"subject": subject, "order": order}
        if weights:
            query["weights"] = ",".join(f"{name}={value!r}" for name, value in weights.items())
        if reading is not None:
            query["reading"] = reading
        if samples is not None:
            query["samples"] = str(samples)
        query |= range_parameters(
            thickness_nm=thickness_nm,
            bias_v=bias_v,
            temperature_k=temperature_k,
            write_time_s=write_time_s,
        )
        return parse(Ranking, self._connection.get(path, query))
