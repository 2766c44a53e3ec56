"""What each failed answer of GitHub means for us."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meshsix.integrations.errors import Conflict, Missing, Refused, TryLater, VendorError
from meshsix.integrations.github.failures import Answer, Redirected, failure, graphql_failure

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RESET = str(int((NOW + timedelta(minutes=10)).timestamp()))
WORDS = {"message": "whatever"}


def rest(status: int, headers: dict[str, str] | None = None, data: object = None) -> VendorError:
    answer = Answer(status=status, headers=headers or {}, data=WORDS if data is None else data)
    problem = failure(answer, what="GET /x", now=NOW)
    assert problem is not None
    return problem


def graphql(*errors: dict[str, Any], headers: dict[str, str] | None = None, data: object = None) -> VendorError:
    answer = Answer(status=200, headers=headers or {}, data={"data": data, "errors": list(errors)})
    problem = graphql_failure(answer, what="GraphQL mutation x", now=NOW)
    assert problem is not None
    return problem


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_good_answer_is_no_failure(status: int) -> None:
    assert failure(Answer(status=status, headers={}, data=None), what="GET /x", now=NOW) is None


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (301, Redirected, "github:redirected"),
        (302, Redirected, "github:redirected"),
        (307, Redirected, "github:redirected"),
        (308, Redirected, "github:redirected"),
        (400, Refused, "github:refused"),
        (401, Refused, "github:unauthorized"),
        (403, Refused, "github:forbidden"),
        (404, Missing, "github:missing"),
        (410, Refused, "github:gone"),
        (422, Refused, "github:invalid"),
        (451, Refused, "github:blocked"),
    ],
)
def test_a_refusal_names_its_code_its_status_and_a_fix(status: int, kind: type[Refused], code: str) -> None:
    problem = rest(status, {"x-github-request-id": "A1:B2"})
    assert type(problem) is kind
    assert isinstance(problem, Refused)
    assert problem.code == code
    assert (problem.vendor, problem.status, problem.request_id) == ("github", status, "A1:B2")
    assert problem.hint


def test_a_redirect_says_which_repository_it_is() -> None:
    problem = rest(301, data={"message": "Moved Permanently", "url": "https://api.github.com/repositories/42/issues"})
    assert isinstance(problem, Redirected)
    assert problem.repository_id == 42
    elsewhere = rest(301, data="<html>Over there</html>")
    assert isinstance(elsewhere, Redirected)
    assert elsewhere.repository_id is None


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_trouble_on_their_side_counts_as_an_attempt(status: int) -> None:
    problem = rest(status, data="<html>Unicorn!</html>")
    assert type(problem) is TryLater
    assert problem.counts
    assert problem.pause is None


def test_a_spent_primary_limit_waits_until_its_reset_without_counting() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}
    for status in (403, 429):
        problem = rest(status, headers, {"message": "API rate limit exceeded for user ID 1."})
        assert isinstance(problem, TryLater)
        assert not problem.counts
        assert problem.pause == timedelta(minutes=10, seconds=1)


def test_a_reset_in_the_past_waits_a_moment() -> None:
    past = str(int((NOW - timedelta(minutes=1)).timestamp()))
    problem = rest(429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": past})
    assert isinstance(problem, TryLater)
    assert problem.pause == timedelta(seconds=1)


def test_a_secondary_limit_waits_as_long_as_retry_after_says() -> None:
    problem = rest(403, {"retry-after": "37", "x-ratelimit-remaining": "4000"})
    assert isinstance(problem, TryLater)
    assert problem.pause == timedelta(seconds=37)
    assert not problem.counts


def test_a_secondary_limit_without_a_time_waits_a_minute() -> None:
    problem = rest(403, {}, {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."})
    assert isinstance(problem, TryLater)
    assert problem.pause == timedelta(minutes=1)


def test_single_sign_on_tells_where_to_authorise() -> None:
    problem = rest(403, {"x-github-sso": "required; url=https://git.example.org/sso?x=1"})
    assert isinstance(problem, Refused)
    assert problem.code == "github:sso-required"
    assert "https://git.example.org/sso?x=1" in problem.hint


def test_a_missing_permission_is_named() -> None:
    assert "repository_hooks=write" in rest(403, {"x-accepted-github-permissions": "repository_hooks=write"}).hint
    assert "admin:org_hook" in rest(403, {"x-accepted-oauth-scopes": "admin:org_hook"}).hint


@pytest.mark.parametrize(
    "data",
    [
        {"message": "Validation Failed", "errors": [{"code": "custom", "message": "Hook already exists on"}]},
        {"message": "Reference already exists"},
        {"message": "Validation Failed", "errors": [{"message": "A pull request already exists for octo-org:x."}]},
    ],
)  # fmt: skip
def test_what_exists_already_is_a_conflict(data: object) -> None:
    assert type(rest(422, data=data)) is Conflict


def test_a_conflict_of_state_is_a_conflict() -> None:
    assert type(rest(409)) is Conflict


def test_field_errors_stand_in_the_message() -> None:
    errors = [{"resource": "Hook", "field": "url", "code": "missing_field"}, "something else"]
    text = str(rest(422, data={"message": "Validation Failed", "errors": errors}))
    assert "Hook.url: missing_field" in text
    assert "something else" in text


def test_graphql_data_without_errors_is_no_failure() -> None:
    assert graphql_failure(Answer(status=200, headers={}, data={"data": {"x": 1}}), what="x", now=NOW) is None


@pytest.mark.parametrize(
    ("kind", "expected", "code"),
    [
        ("NOT_FOUND", Missing, "github:missing"),
        ("FORBIDDEN", Refused, "github:forbidden"),
        ("INSUFFICIENT_SCOPES", Refused, "github:missing-scopes"),
        ("UNPROCESSABLE", Refused, "github:invalid"),
    ],
)
def test_graphql_refusals(kind: str, expected: type[Refused], code: str) -> None:
    problem = graphql({"type": kind, "message": "no"})
    assert type(problem) is expected
    assert isinstance(problem, Refused)
    assert problem.code == code
    assert problem.status == 200


def test_graphql_stale_data_is_a_conflict() -> None:
    assert type(graphql({"type": "STALE_DATA", "message": "Expected branch to point to a but it did not."})) is Conflict


def test_graphql_rate_limit_under_http_200_waits_without_counting() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}
    problem = graphql({"type": "RATE_LIMITED", "message": "API rate limit exceeded"}, headers=headers)
    assert isinstance(problem, TryLater)
    assert not problem.counts
    assert problem.pause == timedelta(minutes=10, seconds=1)


@pytest.mark.parametrize(
    "error",
    [
        {"type": "SERVICE_UNAVAILABLE", "message": "no"},
        {"message": "Something went wrong while executing your query. This may be the result of a timeout."},
        {"extensions": {"code": "INTERNAL"}, "message": "no"},
    ],
)
def test_graphql_trouble_on_their_side_counts_as_an_attempt(error: dict[str, Any]) -> None:
    problem = graphql(error)
    assert type(problem) is TryLater
    assert problem.counts


def test_graphql_partial_data_is_not_taken_for_the_whole() -> None:
    assert isinstance(graphql({"type": "FORBIDDEN", "message": "no"}, data={"repository": None}), Refused)


@pytest.mark.parametrize("data", [None, [], "text", {"message": None}, {"errors": "odd"}, {"errors": [None, 3]}])
def test_bodies_of_any_shape_are_understood(data: object) -> None:
    assert isinstance(rest(502, data=data), TryLater)
    assert graphql_failure(Answer(status=200, headers={}, data=data), what="x", now=NOW) is not None
