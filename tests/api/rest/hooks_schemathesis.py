"""What schemathesis holds against every answer, besides its own checks."""

from __future__ import annotations

import schemathesis

#: Parameters whose values have a meaning that no schema can tell: formulas, cursors, names of
#: devices and potentials. A request that fits the description may be refused only for one of them.
MEANING = {
    *("cursor", "formula", "compositions", "phase", "defect", "host", "device", "devices"),
    *("materials", "on_off_ratio", "weights", "reading", "r_lrs_ohm", "pull_up_ohm"),
    *("selectivity", "line_resistance_ohm", "size", "e_a_ev", "dfe_ev", "thickness_nm", "bias_v"),
    *("temperature_k", "write_time_s", "margin", "settings", "potential", "Idempotency-Key", None),
    *("cif", "sheet", "material", "stack", "inputs", "values", "relaxation", "version", "by"),
}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Leave drawn cursors out of requests that fit: nobody handed them out, so that they would be
    refused before anything else is looked at."""
    if case.meta is not None and case.meta.generation.mode.is_positive and case.query:
        case.query.pop("cursor", None)


@schemathesis.check
def refused_for_its_meaning_only(context, response, case):
    """A request that fits the description is refused only for what no schema can tell, or for
    control characters, which no text of any request may have."""
    if response.status_code != 422 or case.meta is None:
        return
    if case.meta.generation.mode.is_positive:
        problem = response.json()
        parameter = problem.get("parameter")
        if parameter and "has the control character" in problem["detail"]:
            return
        assert (parameter and parameter.partition(".")[0]) in MEANING, problem["detail"]


@schemathesis.check
def problems_are_problems(context, response, case):
    """Every error is a problem, with its status and one sentence."""
    if response.status_code >= 400 and case.method.upper() != "HEAD":
        assert response.headers["content-type"] == ["application/problem+json"]
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["detail"]
        assert "Traceback" not in problem["detail"]


@schemathesis.check
def every_answer_names_its_dataset(context, response, case):
    """Whatever is answered, the reader learns which version of the data it is about."""
    assert response.headers["x-dataset-version"][0].startswith("review2026-")
