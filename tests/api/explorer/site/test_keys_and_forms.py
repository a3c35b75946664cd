"""Keys in the browser, and forms that nobody else may send; on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from pvkdb.schemas.access import Scope
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.access import ApiKey
from pvkdb.store.security.audit import entries
from pvkdb.store.security.keys import revoke_key
from pvkdb_api.explorer.pages import ROUTERS
from pvkdb_api.explorer.site.forms import posted
from pvkdb_api.explorer.site.sign_in import local_address

from ...conftest import LOCAL, Api
from ...guarded import CALCULATIONS, FRESH, OUTSIDE, PUBLIC, guarding, key_for, queued
from ..browsing import Browser, alert_in

STEERING = ("/jobs/x/cancel", "/jobs/x/retry")


@pytest.fixture(scope="module")
def api(guarded_store: Store) -> Iterator[Api]:
    with guarding(guarded_store) as api:
        yield api


@pytest.fixture
def browser(api: Api) -> Browser:
    return Browser(api.app, PUBLIC, OUTSIDE)


@pytest.fixture
def signed_in(browser: Browser, guarded_store: Store) -> Browser:
    """A browser with a key that may queue."""
    assert browser.sign_in(key_for(guarded_store, "queue", name="Ada")).status_code == 303
    return browser


@pytest.fixture
def unknown(guarded_store: Store) -> Iterator[Browser]:
    """A browser without a key, of a service that is read with one only."""
    with guarding(guarded_store, reading="key") as closed:
        yield Browser(closed.app, PUBLIC, OUTSIDE)


@pytest.fixture
def unchanged(guarded_store: Store) -> Iterator[None]:
    """Whatever the test does, nothing is queued."""
    before = queued(guarded_store)
    yield
    assert queued(guarded_store) == before


def _expire(store: Store, key: str) -> None:
    with store.session() as session:
        session.get_one(ApiKey, key.split("_")[1]).expires_at = utc_now() - timedelta(seconds=1)


def _queue(browser: Browser, formula: str, **headers: str):
    return browser.submit("/jobs/new", {"formula": formula}, **headers)


# Signing in and out


def test_a_key_is_kept_where_no_script_and_no_other_site_finds_it(browser, guarded_store):
    answer = browser.sign_in(key_for(guarded_store, "queue", name="Ada <b>"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/key")
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("pvkdb_key=pvk_")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly", "path=/", "samesite=strict",
    }  # fmt: skip
    shown = browser.open("/key")
    assert "Ada &lt;b&gt;" in shown
    assert "queue" in shown
    assert "never" in shown
    assert "pvk_" not in shown


def test_over_tls_cookies_are_secure_and_of_this_host_alone(api, guarded_store):
    browser = Browser(api.app, PUBLIC.replace("http:", "https:"), OUTSIDE)
    answer = browser.sign_in(key_for(guarded_store, "queue"))
    assert answer.status_code == 303
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-pvkdb_key=")
    assert "; Secure" in cookie
    assert "Signed in" in browser.open("/key")


def test_signing_out_forgets_the_key(signed_in):
    answer = signed_in.submit("/key/out", {})
    assert answer.status_code == 303
    assert "pvkdb_key" not in signed_in.cookies
    assert "Sign in with a key" in signed_in.open("/key")


@pytest.mark.parametrize("path", ["/jobs/new?formula=CsSnI3", "/devices?lead_free=true"])
def test_every_way_to_the_form_for_a_key_leads_back(browser, path):
    ways = set(re.findall(r'href="(/key[^"]*)"', browser.open(path)))
    assert ways == {"/key?" + urlencode({"next": path})}


@pytest.mark.parametrize("key", ["", "pvk_oops", "pvk_00000000_" + 43 * "a"])
def test_a_key_that_does_not_hold_is_refused_in_place(browser, key):
    answer = browser.sign_in(key, "/jobs")
    assert answer.status_code == 401
    assert "pvkdb_key" not in browser.cookies
    assert any(word in alert_in(answer.text) for word in ("malformed", "not known"))
    assert 'value="/jobs"' in answer.text


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)",
     "/\t/evil.example", "evil"],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(address):
    assert local_address(address) == "/"
    assert local_address("/jobs/new?formula=CsPbBr3") == "/jobs/new?formula=CsPbBr3"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("ending", ["expired", "revoked"])
def test_a_key_that_ended_is_forgotten_and_what_was_typed_is_kept(signed_in, guarded_store, ending):
    key = signed_in.cookies["pvkdb_key"]
    if ending == "expired":
        _expire(guarded_store, key)
    else:
        with guarded_store.session() as session:
            revoke_key(session, key.split("_")[1])
    answer = signed_in.submit("/jobs/new", {"formula": "CsPbBr3", "phase": "Pm-3m"})
    assert answer.status_code == 401
    assert ending in alert_in(answer.text)
    assert "pvkdb_key" not in signed_in.cookies
    # The form for a key leads back to the form as it was filled in.
    assert 'value="/jobs/new?formula=CsPbBr3&amp;phase=Pm-3m"' in answer.text
    form = "/jobs/new?formula=CsPbBr3&phase=Pm-3m"
    again = signed_in.sign_in(key_for(guarded_store, "queue"), form)
    filled = signed_in.open(again.headers["location"])
    assert 'value="CsPbBr3"' in filled
    assert "<option selected>Pm-3m</option>" in filled


def test_a_key_that_ended_is_told_on_the_next_page(signed_in, guarded_store):
    _expire(guarded_store, signed_in.cookies["pvkdb_key"])
    assert "expired" in alert_in(signed_in.open("/jobs", 401))
    signed_in.open("/jobs")  # reading is open here


# The cookie is nothing to programs


@pytest.mark.usefixtures("unchanged")
def test_a_cookie_alone_neither_writes_nor_reads_below_the_api(signed_in, unknown):
    for path in (CALCULATIONS, f"{CALCULATIONS}/x/cancel", f"{CALCULATIONS}/x/retry"):
        answer = signed_in.request("POST", path, json={"formula": "CsPbBr3"})
        assert answer.status_code == 401, path
    unknown.cookies.set("pvkdb_key", signed_in.cookies["pvkdb_key"], "pvkdb.example.org")
    unknown.open("/jobs")
    for path in ("/api/v1/devices", "/optimade/v1/structures", "/openapi.json", "/metrics"):
        assert unknown.request("GET", path).status_code == 401, path


# Where reading needs a key


def test_who_has_no_key_gets_the_form_for_one_and_nothing_else(unknown, guarded_store):
    for path in ("/", "/jobs", "/screenings", "/compositions?family=3D", "/nowhere"):
        text = unknown.open(path, 401)
        assert 'name="key"' in text, path
    assert 'value="/compositions?family=3D"' in unknown.open("/compositions?family=3D", 401)
    style = text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert unknown.request("GET", style).status_code == 200
    unknown.open("/key")
    answer = unknown.sign_in(key_for(guarded_store, "read"), "/jobs")
    assert answer.headers["location"] == "/jobs"
    page = unknown.request("GET", "/jobs", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "private" in page.headers["cache-control"]


def test_a_link_from_elsewhere_says_how_to_go_on(unknown):
    text = unknown.open("/jobs", 401, **{"Sec-Fetch-Site": "cross-site"})
    assert '<a href="/jobs">continue to the page</a>' in text


# Limits


def test_pages_are_counted_and_their_files_are_not(guarded_store):
    with guarding(guarded_store, rate_per_minute=20) as limited:
        browser = Browser(limited.app, PUBLIC, OUTSIDE)
        style = browser.open("/key").split('rel="stylesheet" href="')[1].split('"')[0]
        for _ in range(40):
            assert browser.request("GET", style).status_code == 200
        html = {"Accept": "text/html"}
        answers = [browser.request("GET", "/key", headers=html) for _ in range(25)]
        assert {answer.status_code for answer in answers} == {200, 429}
        assert "too many requests" in alert_in(answers[-1].text)
        assert int(answers[-1].headers["retry-after"]) > 0


# Forms


def test_a_form_of_this_browser_writes_and_is_in_the_audit_log(signed_in, guarded_store):
    answer = _queue(signed_in, next(FRESH))
    assert answer.status_code == 303, answer.text
    name = answer.headers["location"].removeprefix("/jobs/").partition("?")[0]
    with guarded_store.session(read_only=True) as session:
        entry = entries(session, 1)[0]
    assert (entry.action, entry.subject) == ("queue calculation", name)
    assert entry.caller.endswith("(Ada)")
    assert entry.address == OUTSIDE[0]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{LOCAL}:9999"},
        {"Origin": f"{PUBLIC}:8080"},
        {"Origin": PUBLIC.replace("http", "https")},
        {"Sec-Fetch-Site": "anything"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("local", [False, True], ids=["with a key", "local writes"])
def test_a_form_that_no_page_of_this_service_sent_is_refused(guarded_store, local, headers):
    with guarding(guarded_store, allow_local_writes=local) as api:
        browser = Browser(api.app) if local else Browser(api.app, PUBLIC, OUTSIDE)
        if not local:
            browser.sign_in(key_for(guarded_store, "queue"))
        cookies, fields = dict(browser.cookies), {"formula": "CsPbBr3", "key": "k"}
        shown = {"Accept": "text/html", **headers}
        for path in ("/jobs/new", "/jobs/new/simulation", "/key", "/key/out", *STEERING):
            answer = browser.request("POST", path, data=fields, headers=shown)
            assert answer.status_code == 403, path
            assert "another site" in alert_in(answer.text) or not headers
            assert "nothing was changed" in alert_in(answer.text)
        assert dict(browser.cookies) == cookies


@pytest.mark.parametrize("header", [("Origin", PUBLIC), ("Sec-Fetch-Site", "same-origin")])
def test_one_header_that_names_this_origin_is_enough(signed_in, header):
    data = {"formula": "Xx"}
    answer = signed_in.request("POST", "/jobs/new", data=data, headers=dict([header]))
    assert answer.status_code == 422


@pytest.mark.usefixtures("unchanged")
def test_who_has_no_key_or_the_wrong_one_may_not_queue(browser, guarded_store):
    answer = _queue(browser, "CsPbBr3")
    assert answer.status_code == 401
    assert "scope queue" in alert_in(answer.text)
    assert 'value="/jobs/new?formula=CsPbBr3"' in answer.text  # and comes back to the form
    browser.sign_in(key_for(guarded_store, "import"))
    answer = _queue(browser, "CsPbBr3")
    assert answer.status_code == 403
    assert "lacks 'queue'" in alert_in(answer.text)


def needed(dependant: Any) -> Iterator[str]:
    """What a route depends on, and what that depends on."""
    for entry in dependant.dependencies:
        yield entry.call.__qualname__
        yield from needed(entry)


def test_every_form_that_writes_is_checked() -> None:
    """A page's route that takes POST depends on what :func:`posted` gives."""
    checks = posted(Scope.QUEUE).__qualname__
    found = 0
    for route in (route for router in ROUTERS for route in router.routes):
        if "POST" in route.methods:
            assert checks in needed(route.dependant), route.path
            found += 1
    assert found >= 5
