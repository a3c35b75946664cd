"""Collection of figures on devices from running text."""

from __future__ import annotations

from sqlalchemy import func, select

from pvkdb.schemas.tables import DeviceClaimsRow
from pvkdb.store.collections.collection import Collection, Filter, sortables
from pvkdb.store.collections.filters import any_of, referenced, truth, words
from pvkdb.store.models.devices import DeviceClaim, DeviceClaimReference
from pvkdb.store.rows.from_models import device_claims_row

DEVICE_CLAIMS = Collection(
    name="device_claims",
    row=DeviceClaimsRow,
    source=select().select_from(DeviceClaim),
    loads=select(DeviceClaim),
    key=DeviceClaim.id,
    supersedes=DeviceClaim.supersedes_id,
    order=(("position", False),),
    filters={
        "id": any_of(DeviceClaim.id, "Name of the figure.", example="c-s5.2-001"),
        "metric": any_of(
            DeviceClaim.metric, "Metric, e.g. switching_time_s.", example="switching_time_s"
        ),
        "device": Filter(
            "Words in the name of the device.",
            str,
            lambda v: DeviceClaim.device.icontains(v, autoescape=True),
            example="CsPbBr3",
        ),
        "value_min": Filter(
            "Smallest value; figures printed as '<' do not count.",
            float,
            lambda v: (
                (func.coalesce(DeviceClaim.value_max, DeviceClaim.value) >= v)
                & func.coalesce(DeviceClaim.qualifier, "").not_in(("<", "<="))
            ),
            example=1e-9,
        ),
        "value_max": Filter(
            "Largest value; figures printed as '>' do not count.",
            float,
            lambda v: (
                (DeviceClaim.value <= v)
                & func.coalesce(DeviceClaim.qualifier, "").not_in((">", ">="))
            ),
            example=1e-3,
        ),
        "has_erratum": truth(DeviceClaim.erratum, "Only rows with (or without) an erratum."),
        "reference": referenced(DeviceClaimReference, DeviceClaim.id, "r161"),
        "q": words(
            "Words in the device or the metric.",
            DeviceClaim.device,
            DeviceClaim.metric,
            example="synapse",
        ),
    },
    to_row=device_claims_row,
    sortable=sortables(DeviceClaim, "id position device metric value value_max unit"),
    facets={"metric": DeviceClaim.metric, "unit": DeviceClaim.unit},
)
