"""Nobody writes without a key that holds and allows it; on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.access import ApiKey
from pvkdb.store.security.audit import entries
from pvkdb.store.security.keys import revoke_key
from pvkdb_api.core.sessions import WriteSession
from pvkdb_api.frame.access import OPEN_PATHS

from ..conftest import Api
from ..guarded import CALCULATIONS, FRESH, at_home, guarding, key_for, queue, queued


@pytest.fixture(scope="module")
def api(guarded_store: Store) -> Iterator[Api]:
    with guarding(guarded_store) as api:
        yield api


@pytest.fixture
def refused(api: Api, guarded_store: Store):
    """Ask for work that must be refused: the reason, after a look that nothing came of it."""

    def ask(status: int, key: str | None = None, **headers: str) -> str:
        before = queued(guarded_store)
        answer = queue(api, "CsPbBr3", key, **headers)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert queued(guarded_store) == before
        if status == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer")
        return str(answer.json()["detail"])

    return ask


def test_no_write_without_a_key(refused) -> None:
    detail = refused(401)
    assert "pvkdb keys create" in detail
    assert "--allow-local-writes" not in detail


def test_no_write_with_a_wrong_scope(refused, guarded_store: Store) -> None:
    for scope in ("read", "import"):
        detail = refused(403, key_for(guarded_store, scope))
        assert "lacks 'queue'" in detail
        assert scope in detail


@pytest.mark.parametrize(
    "key",
    ["pvk_", "pvk_00000000_short", "k1", "' OR 1=1 --", "pvk_0000000g_" + 43 * "a", 5000 * "a",
     "pvk_00000000_" + 42 * "a" + "é"],
)  # fmt: skip
def test_no_write_with_a_malformed_key(refused, key: str) -> None:
    assert "malformed" in refused(401, **{"X-API-Key": key.encode("latin-1")})


def test_no_write_with_an_unknown_key_or_a_wrong_secret(refused, guarded_store: Store) -> None:
    key = key_for(guarded_store, "queue")
    for wrong in ("pvk_00000000_" + 43 * "a", key[:-1] + ("A" if key[-1] != "A" else "B")):
        assert "not known" in refused(401, wrong)


def test_no_write_with_a_key_that_has_ended(refused, guarded_store: Store, api: Api) -> None:
    revoked, expired = (key_for(guarded_store, "queue") for _ in range(2))
    assert queue(api, "CsSnBr3", revoked).is_success
    with guarded_store.session() as session:
        revoke_key(session, revoked.split("_")[1])
        session.get_one(ApiKey, expired.split("_")[1]).expires_at = utc_now() - timedelta(seconds=1)
    assert "revoked" in refused(401, revoked)
    assert "expired" in refused(401, expired)
    # Without its secret, it tells nothing.
    assert refused(401, revoked[:13] + 43 * "a") == refused(401, "pvk_00000000_" + 43 * "a")


def test_two_keys_at_once_are_refused(api: Api, guarded_store: Store) -> None:
    twice = [("X-API-Key", key_for(guarded_store, "queue"))] * 2
    answer = api.request("POST", CALCULATIONS, json={"formula": "CsPbBr3"}, headers=twice)
    assert answer.status_code == 401
    assert "more than once" in answer.json()["detail"]


@pytest.mark.parametrize("scope", ["queue", "admin"])
@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_key_that_allows_it_writes(
    api: Api, guarded_store: Store, scope: str, header: str
) -> None:
    key = key_for(guarded_store, scope)
    value = f"Bearer {key}" if header == "Authorization" else key
    answer = queue(api, next(FRESH), **{header: value})
    assert answer.status_code == 202, answer.text


def test_a_proxy_may_use_authorization_for_itself(api: Api, guarded_store: Store) -> None:
    key = key_for(guarded_store, "queue")
    basic = {"Authorization": "Basic YWxpY2U6c2VjcmV0"}
    assert queue(api, "CsPbI3", **basic, **{"X-API-Key": key}).is_success
    assert api.request("GET", CALCULATIONS, headers=basic).status_code == 200
    assert queue(api, "CsPbI3", **basic).status_code == 401


def test_a_bad_key_is_told_to_who_reads_too(api: Api) -> None:
    answer = api.request("GET", CALCULATIONS, headers={"Authorization": "Bearer pvk_oops"})
    assert answer.status_code == 401


def test_every_write_is_logged_once_with_who_and_what(api: Api, guarded_store: Store) -> None:
    key = key_for(guarded_store, "queue", name="Ada")
    formula = next(FRESH)
    answer = queue(api, formula, key, **{"X-Request-ID": "r-1"})
    assert queue(api, formula, key).status_code == 200  # writes nothing, and is not logged
    with guarded_store.session(read_only=True) as session:
        (entry,) = entries(session, 10, key.split("_")[1])
    assert entry.caller == f"key {key.split('_')[1]} (Ada)"
    assert entry.address == "203.0.113.9"
    assert (entry.action, entry.subject) == ("queue calculation", answer.json()["id"])
    assert entry.request_id == "r-1"
    assert abs(utc_now() - entry.at) < timedelta(minutes=1)


# Reading


def test_where_reading_needs_a_key_nothing_is_told_without(guarded_store: Store) -> None:
    paths = ("/", "/docs", "/openapi.json", "/api/v1/devices", "/api/v1/tolerance/CsPbBr3",
             "/nowhere", "/optimade/v1/structures", "/optimade/versions")  # fmt: skip
    key = key_for(guarded_store, "read")
    with guarding(guarded_store, reading="key") as api:
        for path in paths:
            answer = api.get(path)
            assert answer.status_code == 401, path
            form = "vnd.api+json" if path.startswith("/optimade") else "problem+json"
            assert form in answer.headers["content-type"]
            known = api.request("GET", path, headers={"X-API-Key": key})
            assert known.status_code == (404 if path == "/nowhere" else 200), path
            assert "private" in known.headers["cache-control"]
        for path in OPEN_PATHS:
            assert api.get(path).status_code == 200, path


# A user alone on a machine


def test_this_machine_writes_without_a_key_only_where_it_is_allowed(guarded_store: Store) -> None:
    with guarding(guarded_store) as api:
        answer = queue(at_home(api), "CsPbBr3")
        assert answer.status_code == 401
        assert "--allow-local-writes" in answer.json()["detail"]
    with guarding(guarded_store, allow_local_writes=True) as api:
        assert queue(at_home(api), "CsPbBr3").is_success
        assert queue(api, "CsPbBr3").status_code == 401


#: What proxies send, or do not: no list of them is complete.
STRANGERS: list[dict[str, str]] = [
    {},
    *({name: "203.0.113.9"} for name in (
        "X-Real-Host", "X-Original-Host", "X-Host", "X-Remote-Addr", "X-Remote-IP",
        "X-ProxyUser-Ip", "X-Originating-IP", "Client-IP", "WL-Proxy-Client-IP",
        "Proxy-Client-IP", "X-Azure-ClientIP",
        "X-Appengine-User-IP", "Fly-Client-IP", "Ali-CDN-Real-IP", "X-Backend-Host",
        "X-Request-ID", "Proxy-Connection", "X-Forwarded")),
    {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
    {"X-API-Key": "pvk_local_", "User-Agent": "Mozilla/5.0"},
    {"Authorization": "Bearer pvk_local_of-an-earlier-start"},
]  # fmt: skip


@pytest.mark.parametrize("headers", STRANGERS)
def test_without_the_local_key_nobody_writes_whatever_the_headers(
    guarded_store: Store, headers: dict[str, str]
) -> None:
    """A proxy on this machine that adds nothing sends what a user would."""
    with guarding(guarded_store, allow_local_writes=True) as api:
        stranger = at_home(api, of_user=False)
        answer = queue(stranger, "CsPbBr3", **headers)
        assert answer.status_code == 401
        key = str(api.app.state.local_key)
        for path in ("/", "/key", "/jobs/new", "/openapi.json", "/api/v1/devices"):
            shown = stranger.request("GET", path, headers={"Accept": "text/html", **headers})
            assert key not in shown.text + str(shown.headers)
        sent = {"Accept": "text/html", "Origin": "http://127.0.0.1:8000", **headers}
        form = stranger.request("POST", "/jobs/new", data={"formula": "CsPbBr3"}, headers=sent)
        assert form.status_code == 401
        assert headers or "prints a key at each start" in form.text


def test_the_key_of_the_start_lets_a_browser_write(guarded_store: Store) -> None:
    with guarding(guarded_store, allow_local_writes=True) as api:
        browser = at_home(api, of_user=False, cookies=httpx.Cookies())
        key, own = api.app.state.local_key, {"Origin": "http://127.0.0.1:8000"}
        entered, form = {"key": key, "next": "/jobs/new"}, {"formula": "CsPbBr3"}
        for sent in (f"{key}x", "pvk_local_of-an-earlier-start"):
            wrong = browser.request("POST", "/key", data={"key": sent}, headers=own)
            assert (wrong.status_code, "for one start" in wrong.text) == (401, True)
        for elsewhere in (api, at_home(api, base_url="http://evil.example:8000")):
            elsewhere.of_user = False
            origin = {"Origin": elsewhere.base_url}
            answer = elsewhere.request("POST", "/key", data=entered, headers=origin)
            assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
        opened = browser.request("POST", "/key", data=entered, headers=own)
        assert (opened.status_code, opened.headers["location"]) == (303, "/jobs/new")
        for property in ("HttpOnly", "SameSite=strict", "Path=/"):
            assert property in opened.headers["set-cookie"]
        sent = browser.request("POST", "/jobs/new", data=form, headers=own)
        assert sent.status_code in (200, 303)
        refused = browser.request("POST", CALCULATIONS, json=form, headers=own)
        assert refused.status_code == 401  # cookies are for pages alone
        port = {"Origin": "http://127.0.0.1:9999", "Sec-Fetch-Site": "same-site"}
        assert browser.request("POST", "/jobs/new", data=form, headers=port).status_code == 403
        stale = httpx.Cookies({"pvkdb_key": "pvk_local_of-an-earlier-start"})
        again = at_home(api, of_user=False, cookies=stale)
        assert again.get("/").status_code == 200  # reading goes on after a restart
        page = {**own, "Accept": "text/html"}
        asked = again.request("POST", "/jobs/new", data=form, headers=page)
        assert (asked.status_code, "prints a key at each start" in asked.text) == (401, True)


def test_what_is_not_from_this_machine_alone_is_not_local(guarded_store: Store) -> None:
    cases: dict[str, tuple[dict[str, object], dict[str, str]]] = {
        "another machine": ({"client": ("203.0.113.9", 1)}, {}),
        "a proxy": ({}, {"X-Forwarded-For": "127.0.0.1"}),
        "a proxy by RFC 7239": ({}, {"Forwarded": "for=127.0.0.1"}),
        "a proxy that says the scheme": ({}, {"X-Forwarded-Proto": "http"}),
        "a proxy that says its port": ({}, {"X-Forwarded-Port": "8000"}),
        "a proxy that says its name": ({}, {"X-Forwarded-Server": "localhost"}),
        "Cloudflare": ({}, {"CF-Connecting-IP": "127.0.0.1"}),
        "DNS rebinding": ({"base_url": "http://evil.example:8000"}, {}),
        "a web page": ({}, {"Origin": "https://evil.example"}),
        "a sandboxed page": ({}, {"Origin": "null"}),
    }
    with guarding(guarded_store, allow_local_writes=True) as api:
        for case, (changes, headers) in cases.items():
            assert queue(at_home(api, **changes), "CsPbBr3", **headers).status_code == 401, case


def test_on_this_machine_only_pages_of_the_own_origin_write(guarded_store: Store) -> None:
    own = "http://127.0.0.1:8000"
    refused: list[dict[str, str]] = [
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "chrome-extension://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "anything"},
        {"Origin": own, "Sec-Fetch-Site": "same-site"},
    ]
    taken: list[dict[str, str]] = [
        {},
        {"Origin": own},
        {"Origin": own, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Host": "LOCALHOST:9000", "Origin": "http://localhost:9000"},
        {"Host": "127.0.0.2", "Origin": "http://127.0.0.2:80"},
    ]
    with guarding(guarded_store, allow_local_writes=True) as api:
        home = at_home(api)
        cancel = f"{CALCULATIONS}/{queue(home, 'RbGeF3').json()['id']}/cancel"
        for headers in refused:
            assert home.request("POST", cancel, headers=headers).status_code == 401, headers
            assert queue(home, "RbGeF3", **headers).status_code == 401, headers
        for headers in taken:
            assert queue(home, "RbGeF3", **headers).status_code == 200, headers
        key = {"X-API-Key": key_for(guarded_store, "queue")}
        assert queue(home, "RbGeF3", **refused[0], **key).is_success  # the page knows the key


@pytest.mark.parametrize(
    "headers",
    [
        *({"Host": host} for host in (
            "[", "[::1", "a b", "localhost:", "localhost:x", "localhost:99999", "user@localhost",
            "evil.example/localhost", "localhost, evil.example", "löcalhost", "localhost\\x")),
        *({"Origin": origin} for origin in (
            "", "localhost:8000", "//127.0.0.1:8000", "evil//127.0.0.1:8000",
            "http://127.0.0.1:8000/", "http://x@127.0.0.1:8000", "http://127.0.0.1:8000:8000",
            "http://127.0.0.1:8000 http://evil.example", "http://127.0.0.1:80000")),
    ],
)  # fmt: skip
def test_malformed_hosts_and_origins_are_400(guarded_store: Store, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    with guarding(guarded_store, allow_local_writes=True) as api:
        home = at_home(api)
        answer = home.request("POST", CALCULATIONS, json={"formula": "CsPbBr3"}, headers=raw)
        assert answer.status_code == 400
        assert f"the header {next(iter(headers))} must be" in answer.json()["detail"]
        for path in ("/", "/livez", "/optimade/v1/info"):
            assert home.request("GET", path, headers=raw).status_code == 400


def test_two_hosts_or_origins_are_refused(guarded_store: Store) -> None:
    with guarding(guarded_store, allow_local_writes=True) as api:
        for name, value in (("Host", "127.0.0.1:8000"), ("Origin", "http://127.0.0.1:8000")):
            answer = at_home(api).request(
                "POST", CALCULATIONS, json={"formula": "CsPbBr3"}, headers=[(name, value)] * 2
            )
            assert answer.status_code == 400


# What the code must keep


def test_every_route_that_writes_takes_a_key_with_its_scope(api: Api, guarded_store: Store) -> None:
    """Reading by POST is listed here by name, so that a new route is thought about."""
    reading_by_post = {"/api/v1/tolerance", "/api/v1/structures/similar"}
    keys = {scope: key_for(guarded_store, scope) for scope in ("read", "queue", "import")}
    described = api.app.openapi()["paths"]
    changing = [path for path in described if "post" in described[path]]
    assert {method for path in described for method in described[path]} == {"get", "post"}

    def kept() -> tuple[object, ...]:
        with guarded_store.session(read_only=True) as session:
            audited = [(entry.action, entry.subject) for entry in entries(session, 500)]
        return queued(guarded_store), api.get("/api/v1/energetics", limit=0).json(), audited

    before = kept()
    for path in sorted({*changing} - reading_by_post):
        assert described[path]["post"]["security"] == [{"bearer": []}, {"header": []}], path
        wanted = "queue" if path.startswith(CALCULATIONS) else "import"
        address = re.sub(r"{\w+}", "x", path)
        assert api.request("POST", address, json={}).status_code == 401, path
        for scope, key in keys.items():
            answer = api.request("POST", address, json={}, headers={"X-API-Key": key})
            refused = (answer.status_code, f"lacks '{wanted}'" in answer.text) == (403, True)
            assert refused == (scope != wanted), (path, scope, answer.text)
    assert kept() == before


def test_a_route_that_forgets_its_scope_gets_no_session_to_write_with(
    guarded_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def careless(session: WriteSession) -> None:
        pytest.fail("it has a session")

    with guarding(guarded_store) as api:
        api.app.post("/careless")(careless)
        assert api.post("/careless", None).status_code == 500
    assert "requiring a scope" in caplog.text


def test_no_key_is_logged(api: Api, guarded_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    key = key_for(guarded_store, "queue")
    with caplog.at_level("DEBUG"):
        assert queue(api, "CsPbBr3", key).is_success
        api.request("GET", f"{CALCULATIONS}?x={key}", headers={"X-API-Key": key})
        queue(api, "CsPbBr3", key[:-1])
    ours = [entry.getMessage() for entry in caplog.records if entry.name.startswith("pvkdb")]
    assert len(ours) == 3
    assert key.split("_", 2)[2][:-1] not in "".join(ours)
