"""The service asks for work by writing it into the store, once."""

from __future__ import annotations

import pytest

from pvkdb.schemas.calculations.migration import NebRequest

PATH = "/api/v1/calculations"
HOST = {
    "symbols": ["Cs"],
    "cell_ang": [[6, 0, 0], [0, 6, 0], [0, 0, 6]],
    "positions_ang": [[0, 0, 0]],
}
HOSTED = {"formula": "CsPbBr3", "phase": "P", "host": HOST}
#: What only the owner of a machine may name, complete with a hash.
CODE, FILE = f"os:getcwd@{'0' * 16}", f"nequix:/etc/passwd@{'0' * 16}"
FAR = "host.positions_ang.0.0"


def test_the_same_request_in_any_spelling_is_queued_once(api):
    first = api.post(PATH, json={"formula": "CsPbBr3"})
    again = api.post(PATH, json=NebRequest(formula="PbCsBr3").model_dump(mode="json"))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert api.get(first.headers["location"]).json() == first.json()
    assert first.json()["state"] == "queued"
    assert api.get(PATH, state="queued", material="CsPbBr3").json()["total"] == 1


def test_requests_at_the_same_time_are_queued_once_each(api):
    formulas = ["CsSnBr3", "CsGeBr3"] * 6
    answers = api.together([("POST", PATH, {"json": {"formula": f}}) for f in formulas])
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [202] * 2
    assert len({answer.json()["id"] for answer in answers}) == 2
    assert api.get(PATH).json()["total"] == 2


@pytest.mark.parametrize(
    ("body", "parameter", "said"),
    [
        ({"formula": "CsPbO3"}, "formula", "no halide"),
        ({}, "formula", "missing"),
        ({"formula": "CsPbBr3", "potential": "emt"}, "potential", "known: chgnet, sevennet-0"),
        ({"formula": "CsPbBr3", "potential": "os:getcwd"}, "potential", "match pattern"),
        ({"formula": "CsPbBr3", "potential": CODE}, "potential", "no potential 'os:getcwd"),
        ({"formula": "CsPbBr3", "potential": FILE}, "potential", "no potential 'nequix:"),
        ({"formula": "CsPbBr3", "phase": "Pm3m"}, "phase", "'Pm-3m'"),
        ({"formula": "CsPbBr3", "settings": {"images": 1}}, "settings.images", "equal to 3"),
        ({**HOSTED, "phase": "P\0"}, "phase", "control character '\\x00'"),
        ({**HOSTED, "phase": "P\nQ"}, "phase", "control character '\\n'"),
        ({**HOSTED, "host": {**HOST, "symbols": ["C\0"]}}, "host.symbols", "'\\x00'"),
        ({**HOSTED, "host": {**HOST, "positions_ang": [[1e200, 0, 0]]}}, FAR, "100000"),
        ({"formula": "CsPbBr3", "image": 5}, "image", "not permitted"),
        ([], "body", "JSON object"),
    ],
)
def test_a_bad_request_is_refused_and_nothing_is_queued(reading_api, body, parameter, said):
    answer = reading_api.post(PATH, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["parameter"] == parameter
    assert said in answer.json()["detail"]
    assert reading_api.get(PATH).json()["total"] == 0


@pytest.mark.parametrize(
    ("route", "changes", "status", "said"),
    [
        ("simulations", {}, 404, "compute them with: pvkdb neb CsPbBr3"),
        ("simulations", {"inputs": {"thickness_nm": "thin"}}, 422, "thickness_nm"),
        ("simulations", {"stack": "a\0"}, 422, "control character"),
        ("examinations", {"device": "d-none"}, 404, "device 'd-none'"),
        ("examinations", {}, 422, "device to device, read noise not known"),
        ("examinations", {"images": "/etc"}, 422, "'digits', 'mnist' or 'fashion'"),
    ],
)
def test_what_cannot_be_asked_of_a_device_is_refused(reading_api, route, changes, status, said):
    stack = {"material": "CsPbBr3", "stack": "ITO/CsPbBr3/Ag", "inputs": {"thickness_nm": 200}}
    body = {"simulations": stack, "examinations": {"device": "d-t4-r15"}}[route]
    answer = reading_api.post(f"{PATH}/{route}", json=body | changes)
    assert answer.status_code == status, answer.text
    assert said in str(answer.json())
