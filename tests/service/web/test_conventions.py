"""What every answer keeps: ids, headers, problems, parameters, limits, health."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoAssertNumQueries, Settings

from apps.projects.models import Project
from deploy.local.servers import Valkey
from meshsix.live.services import NewEvent, publish, publish_all
from meshsix.web import health, limits
from tests.web_process import person

pytestmark = pytest.mark.django_db
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "hint", "trace_id", "request_id", "errors"}


@pytest.fixture
def viewer() -> User:
    return person("viewer", "viewer")


@pytest.fixture
def signed_in(client: Client, viewer: User) -> Client:
    client.force_login(viewer)
    return client


def problem(answer: HttpResponseBase, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, object] = json.loads(answer.getvalue())
    assert set(document) >= PROBLEM
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == answer.headers["X-Request-ID"]
    assert document["hint"]
    return document


def test_nobody_is_401_with_a_challenge(client: Client) -> None:
    answer = client.get("/api/events")
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_bad_token_is_401(client: Client) -> None:
    problem(client.get("/api/events", headers={"Authorization": "Bearer nonsense"}), 401, "authentication_failed")


def test_no_role_is_403(client: Client) -> None:
    client.force_login(person("new"))
    problem(client.get("/api/events"), 403, "forbidden")


def test_an_unknown_address_is_a_problem_in_the_api_and_a_page_elsewhere(signed_in: Client) -> None:
    problem(signed_in.get("/api/nothing"), 404, "not_found")
    page = signed_in.get("/nothing")
    assert page.status_code == 404
    assert "nothing at this address" in page.content.decode()


def test_unknown_and_bad_parameters_are_400_and_named(signed_in: Client) -> None:
    unknown = problem(signed_in.get("/api/events?colour=red"), 400, "unknown_parameter")
    assert unknown["errors"] == [{"pointer": "?colour", "code": "unknown", "detail": "Not a parameter here."}]
    bad = problem(signed_in.get("/api/events?limit=1001"), 400, "invalid")
    assert [error["pointer"] for error in bad["errors"]] == ["?limit"]  # type: ignore[attr-defined] # a list of dicts


@pytest.mark.parametrize("given", ["abcdefgh-1", "A" * 64])
def test_a_good_request_id_is_kept(client: Client, given: str) -> None:
    assert client.get("/livez", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["short", "A" * 65, "with space", "<script>xxxxx"])
def test_a_bad_request_id_is_replaced(client: Client, given: str) -> None:
    assert client.get("/livez", headers={"X-Request-ID": given}).headers["X-Request-ID"] != given


def test_a_body_over_a_mebibyte_is_413(signed_in: Client) -> None:
    answer = signed_in.post("/api/onboard", data="x" * (1024 * 1024 + 1), content_type="application/json")
    problem(answer, 413, "too_large")


def test_security_headers(signed_in: Client) -> None:
    headers = signed_in.get("/").headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_have_no_inline_script_or_style(signed_in: Client) -> None:
    for address in ("/", "/account", "/nothing", "/onboarding"):
        text = signed_in.get(address).content.decode()
        assert "<style" not in text
        assert " style=" not in text
        assert "onclick=" not in text
        assert "<script>" not in text


def test_the_docs_may_style_themselves_but_run_nothing_inline(signed_in: Client) -> None:
    answer = signed_in.get("/api/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src" not in policy
    assert "<script>" not in answer.content.decode()
    assert "http" not in answer.content.decode().replace("http://testserver", "")


def test_a_forged_form_is_refused_with_a_page() -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/sign-in", {"username": "x", "password": "y"})
    assert answer.status_code == 403
    assert "reload the page" in answer.content.decode()


def test_the_description_validates_without_a_warning(tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    text = target.read_text()
    assert "openapi: 3.1" in text
    assert "application/problem+json" in text


def _addresses(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        where = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _addresses(pattern, where)
        else:
            yield where, pattern


OPEN = {"livez", "readyz", "healthz", "api/health", "sign-in", "sign-out", "account/theme"}


def test_every_address_of_the_api_and_the_pages_asks_who_is_there(client: Client) -> None:
    """But for health, signing in and signed doors."""
    for address, _ in _addresses(get_resolver()):
        if address in OPEN or address.startswith(("admin/", "hooks/", "webhooks/")) or "<" in address:
            continue
        answer = client.get(f"/{address}")
        assert answer.status_code in {301, 302, 401, 405}, (address, answer.status_code)


def test_limits_are_told_and_kept(signed_in: Client, settings: Settings) -> None:
    settings.RATE_LIMITS = {"read": 3}
    answers = [signed_in.get("/api/events") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["RateLimit-Policy"] == "3;w=60"
    problem(answers[3], 429, "rate_limited")
    assert int(answers[3].headers["Retry-After"]) in range(1, 61)


def test_limits_are_kept_in_this_process_while_redis_is_away(broker: Valkey) -> None:
    who = f"user:{uuid4()}"
    broker.stop()
    try:
        assert [limits.take("read", who, limit=2).allowed for _ in range(3)] == [True, True, False]
    finally:
        broker.start()
        limits._shared._back_at = 0.0


def test_events_list_costs_the_same_for_any_number_of_rows(
    signed_in: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    publish_all(NewEvent(event_type="x", aggregate_id=f"project:octo-org/{number}") for number in range(200))
    signed_in.get("/api/events")
    with django_assert_max_num_queries(12):
        assert len(signed_in.get("/api/events?limit=200").json()["results"]) == 200


def test_events_are_filtered_and_followed_by_next(signed_in: Client) -> None:
    aggregate = f"thing:{uuid4()}"
    for number in range(5):
        publish(event_type="odd" if number % 2 else "even", aggregate_id=aggregate, trace_id="t1", task_id="k")
    page = signed_in.get(f"/api/events?aggregate_id={aggregate}&after_seq=0&limit=2").json()
    assert [event["aggregate_seq"] for event in page["results"]] == [1, 2]
    page = signed_in.get(page["next"]).json()
    assert [event["aggregate_seq"] for event in page["results"]] == [3, 4]
    odd = signed_in.get(f"/api/events?aggregate_id={aggregate}&event_type=odd&event_type=none").json()["results"]
    assert [event["aggregate_seq"] for event in odd] == [2, 4]
    back = signed_in.get(f"/api/events?aggregate_id={aggregate}&before_seq={odd[1]['seq']}&limit=2").json()
    assert [event["aggregate_seq"] for event in back["results"]] == [2, 3]


def test_a_replay_has_no_gap(signed_in: Client) -> None:
    aggregate = f"thing:{uuid4()}"
    for _ in range(5):
        publish(event_type="x", aggregate_id=aggregate)
    page = signed_in.get(f"/api/events/replay/{aggregate}?after=1&limit=2").json()
    assert [event["aggregate_seq"] for event in page["results"]] == [2, 3]
    page = signed_in.get(page["next"]).json()
    assert [event["aggregate_seq"] for event in page["results"]] == [4, 5]


def test_health_says_words_to_all_and_details_to_admins(client: Client) -> None:
    health._last = None
    assert client.get("/livez").content == b"ok\n"
    assert client.get("/readyz").status_code == 200
    assert client.get("/api/health").json() == {"status": "ok"}
    client.force_login(person("boss", "admin"))
    assert client.get("/api/health").json()["checks"] == {"database": "ok", "migrations": "ok", "broker": "ok"}


def test_readiness_fails_within_two_seconds_without_a_broker(client: Client, broker: Valkey) -> None:
    health._last = None
    broker.stop()
    try:
        assert client.get("/readyz").status_code == 503
        assert client.get("/livez").status_code == 200
    finally:
        broker.start()
        health._last = None


def test_metrics_are_for_admins_and_their_tokens(client: Client) -> None:
    assert client.get("/metrics").status_code == 401
    client.force_login(person("viewer", "viewer"))
    assert client.get("/metrics").status_code == 403
    client.force_login(person("boss", "admin"))
    assert b"meshsix_http_request_seconds" in client.get("/metrics").content


def test_events_of_tokens_are_for_admins(signed_in: Client, client: Client) -> None:
    publish(event_type="token-issued", aggregate_id="token:1")
    address = "/api/events?after_seq=0&limit=1000"
    assert signed_in.get(address).json()["results"] == []
    problem(signed_in.get("/api/events/replay/token:1"), 404, "not_found")
    client.force_login(person("boss", "admin"))
    assert [event["aggregate_id"] for event in client.get(address).json()["results"]] == ["token:1"]


def test_the_admin_shows_events_and_changes_none(client: Client) -> None:
    written = publish(event_type="x", aggregate_id="thing:1")
    client.force_login(User.objects.create_superuser("root", password="x" * 12))
    assert client.get("/admin/live/event/").status_code == 200
    assert client.get(f"/admin/live/event/{written.seq}/change/").status_code == 200
    assert client.get("/admin/live/event/add/").status_code == 403
    assert client.post(f"/admin/live/event/{written.seq}/delete/", {"post": "yes"}).status_code == 403


def test_a_fragment_and_its_page_are_kept_apart_by_caches(signed_in: Client) -> None:
    assert "HX-Request" in signed_in.get("/onboarding").headers["Vary"]


def test_an_outsider_of_a_limited_project_sees_none_of_its_events(signed_in: Client) -> None:
    project = Project.objects.create(
        owner="Octo-Org", name="Secret", env_name="e", auth_project_id="e", execution_mode="local"
    )
    project.groups.add(Group.objects.create(name="insiders"))
    for aggregate in ("project:octo-org/secret", "credentials:e", "project:octo-org/open"):
        publish(event_type="x", aggregate_id=aggregate)
    seen = {event["aggregate_id"] for event in signed_in.get("/api/events?after_seq=0&limit=1000").json()["results"]}
    assert "project:octo-org/open" in seen
    assert seen.isdisjoint({"project:octo-org/secret", "credentials:e"})
    problem(signed_in.get("/api/events/replay/project:octo-org/secret"), 404, "not_found")
    problem(signed_in.get("/api/events/replay/credentials:e"), 404, "not_found")
    assert signed_in.get("/api/events/replay/run:not-a-uuid").json()["results"] == []
