"""Access tokens: what they allow, when they stop, and that nobody can read them back."""

import io
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.projects.credentials import tokens
from apps.projects.credentials.authentication import BAD_A_MINUTE
from apps.projects.credentials.models import AccessToken, Scope, TokenClass
from apps.projects.credentials.tokens import NotAllowed
from apps.projects.models import Project
from meshsix.kit import clock, redact
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from meshsix.web.permissions import Admin, Approver, Operator, Viewer
from meshsix.web.roles import Role, may, token_may

pytestmark = pytest.mark.django_db


def person(*roles: str, name: str = "") -> User:
    user = User.objects.create_user(name or f"octo-{uuid.uuid4().hex[:8]}")
    user.groups.set(Group.objects.filter(name__in=roles))
    assert user.groups.count() == len(roles)
    return user


def project(name: str) -> Project:
    return Project.objects.create(
        service_name=name,
        owner="octo-org",
        name=name,
        repo_url="https://github.example.org/octo-org/x",
        default_branch="main",
        execution_mode="local",
        env_name=f"env-{name}",
        auth_project_id=f"env-{name}",
    )


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def api() -> Client:
    return Client()


def get(api: Client, path: str, token: str) -> Any:  # noqa: ANN401 - Django's test answer has no public type
    return api.get(path, headers={"authorization": f"Bearer {token}"})


def test_a_token_signs_its_owner_in_and_is_stored_as_a_hash(api: Client) -> None:
    owner = person("viewer")
    row, plaintext = tokens.issue(owner, ["read"], actor=SYSTEM)
    assert plaintext.startswith(f"m6_{row.id.hex}_")
    answer = get(api, "/api/tokens", plaintext)
    assert answer.status_code == 200
    assert plaintext not in answer.content.decode()
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert row.sha256 not in plaintext
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM access_tokens t")
        assert plaintext.rpartition("_")[2] not in repr(cursor.fetchall())
    assert redact.text(f"it was {plaintext}") == f"it was {redact.MASK}"


def test_its_use_is_noted_at_most_once_a_minute() -> None:
    row, plaintext = tokens.issue(person("viewer"), ["read"])
    assert tokens.verify(plaintext)
    row.refresh_from_db()
    first = row.last_used_at
    assert tokens.verify(plaintext)
    row.refresh_from_db()
    assert row.last_used_at == first
    with clock.moved(timedelta(minutes=2)):
        assert tokens.verify(plaintext)
    row.refresh_from_db()
    assert row.last_used_at != first


def test_revoked_expired_and_foreign_tokens_are_refused_at_once(api: Client) -> None:
    owner = person("viewer")
    row, plaintext = tokens.issue(owner, ["read"], life=timedelta(days=1))
    with clock.moved(timedelta(days=1)):
        assert tokens.verify(plaintext) is None
    other = tokens.issue(owner, ["read"])
    mixed = f"m6_{row.id.hex}_{other.plaintext.split('_', 2)[2]}"
    for bad in (mixed, plaintext[:-1], f"{plaintext}x", "m6__", "", "nonsense", f"m6_{uuid.uuid4().hex}_{'a' * 43}"):
        assert tokens.verify(bad) is None
    assert tokens.revoke(row.pk, actor=SYSTEM)
    assert not tokens.revoke(row.pk, actor=SYSTEM), "a repeat changes nothing"
    answer = get(api, "/api/tokens", plaintext)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    owner.is_active = False
    owner.save()
    assert tokens.verify(other.plaintext) is None


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.AGENT])  # that one is an agent's
def test_a_scope_can_be_had_by_those_whose_role_covers_it(role: Role, scope: Scope) -> None:
    owner = person(role)
    allowed = may(owner, tokens.NEEDS[scope])
    if allowed:
        assert tokens.issue(owner, [scope], environment="env-x").row.scopes == [scope]
    else:
        with pytest.raises(NotAllowed, match=tokens.NEEDS[scope]):
            tokens.issue(owner, [scope], environment="env-x")


@pytest.mark.parametrize("needs", [Viewer, Operator, Approver, Admin])
@pytest.mark.parametrize("scope", [Scope.READ, Scope.OPERATE, Scope.APPROVE, Scope.ADMIN, Scope.METRICS, Scope.RUNNER])
def test_a_token_of_an_admin_opens_what_its_scope_says(needs: type[Viewer], scope: Scope) -> None:
    expected = {
        Scope.READ: {Viewer},
        Scope.OPERATE: {Viewer, Operator},
        Scope.APPROVE: {Viewer, Approver},
        Scope.ADMIN: {Viewer, Operator, Approver, Admin},
    }
    assert token_may(frozenset([scope]), needs.role) is (needs in expected.get(scope, set()))


def test_a_token_loses_with_its_owner(api: Client) -> None:
    owner = person("admin")
    plaintext = tokens.issue(owner, ["admin"]).plaintext
    other = tokens.issue(person("viewer"), ["read"])
    assert (
        api.delete(f"/api/tokens/{other.row.pk}", headers={"authorization": f"Bearer {plaintext}"}).status_code == 204
    )
    owner.groups.clear()
    assert get(api, "/api/tokens", plaintext).status_code == 403


def test_a_token_for_metrics_is_an_admins_and_loses_with_its_owner(api: Client) -> None:
    owner = person("admin")
    plaintext = tokens.issue(owner, ["metrics"]).plaintext
    assert get(api, "/metrics", plaintext).status_code == 200
    owner.groups.clear()
    owner.groups.add(Group.objects.get(name="viewer"))
    assert get(api, "/metrics", plaintext).status_code == 403


def test_lives_classes_and_scopes_are_bounded() -> None:
    owner = person("admin")
    for life in (timedelta(), timedelta(days=366), timedelta(days=-1)):
        with pytest.raises(NotAllowed):
            tokens.issue(owner, ["read"], life=life)
    for scopes, environment in ((["runner", "read"], "env-x"), (["runner"], "")):
        with pytest.raises(NotAllowed):
            tokens.issue(owner, scopes, token_class=TokenClass.RUNNER, environment=environment)
    with pytest.raises(NotAllowed):
        tokens.issue(owner, [])
    row = tokens.issue(owner, ["read"]).row
    broken: dict[str, Any]
    for broken in ({"scopes": []}, {"scopes": ["root"]}, {"token_class": "god"}, {"token_class": "runner"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            AccessToken.objects.filter(pk=row.pk).update(**broken)


def test_twenty_bad_tokens_a_minute_then_429_while_good_ones_still_work(api: Client) -> None:
    good = tokens.issue(person("viewer"), ["read"]).plaintext
    with clock.moved(timedelta(seconds=60 - clock.now().second)):
        answers = [get(api, "/api/tokens", f"m6_{uuid.uuid4().hex}_{'a' * 43}") for _ in range(BAD_A_MINUTE + 2)]
        assert [answer.status_code for answer in answers] == [401] * BAD_A_MINUTE + [429] * 2
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert get(api, "/api/tokens", good).status_code == 200
        elsewhere = api.get("/api/tokens", headers={"authorization": "Bearer nonsense"}, REMOTE_ADDR="192.0.2.7")
        assert elsewhere.status_code == 401
    with clock.moved(timedelta(minutes=2)):
        assert get(api, "/api/tokens", "nonsense").status_code == 401


def test_other_kinds_of_authorization_are_left_to_others(api: Client) -> None:
    answer = api.get("/api/tokens", headers={"authorization": "Basic b2N0bzpjYXQ="})
    assert answer.status_code in {401, 403}
    assert get(api, "/api/tokens", "two words").status_code == 401


def test_a_person_makes_lists_and_revokes_tokens_of_their_own(api: Client) -> None:
    owner, other = person("operator"), person("viewer")
    foreign = tokens.issue(other, ["read"]).row
    bound = project("bookmarks")
    api.force_login(owner)
    wanted = {"name": "laptop", "scopes": ["read", "operate"], "projects": ["octo-org/Bookmarks"], "days": 7}
    made = api.post("/api/tokens", wanted, content_type="application/json")
    assert made.status_code == 201, made.content
    body = made.json()
    assert tokens.verify(body["token"])
    assert body["projects"] == [str(bound.pk)]
    assert made.headers["Cache-Control"] == "no-store"
    listed = api.get("/api/tokens").json()["results"]
    assert [row["id"] for row in listed] == [body["id"]]
    assert "token" not in listed[0]
    assert "sha256" not in json.dumps(listed)
    assert api.delete(f"/api/tokens/{foreign.pk}").status_code == 404
    assert api.delete(f"/api/tokens/{body['id']}").status_code == 204
    assert tokens.verify(body["token"]) is None
    types = Event.objects.filter(aggregate_id=f"token:{body['id']}").order_by("aggregate_seq")
    assert [event.event_type for event in types] == ["token-issued", "token-revoked"]
    assert body["token"].rpartition("_")[2] not in repr([event.payload for event in types])


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"name": "x", "scopes": ["admin"]}, 422),
        ({"name": "x", "scopes": []}, 400),
        ({"name": "x", "scopes": ["root"]}, 400),
        ({"name": "x", "scopes": ["read"], "days": 366}, 400),
        ({"name": "x", "scopes": ["read"], "projects": ["octo-org/unknown"]}, 400),
        ({"name": "x", "scopes": ["read"], "projects": ["../x"]}, 400),
        ({"scopes": ["read"]}, 400),
    ],
)
def test_bad_wishes_are_explained(api: Client, wanted: dict[str, object], status: int) -> None:
    api.force_login(person("viewer"))
    answer = api.post("/api/tokens", wanted, content_type="application/json")
    assert answer.status_code == status
    assert answer.json()["hint"]
    assert not AccessToken.objects.exists()


def test_a_token_does_not_breed(api: Client) -> None:
    owner = person("admin")
    weak = tokens.issue(owner, ["read", "operate"]).plaintext
    bound = tokens.issue(owner, ["admin"], projects=[project("bookmarks").pk]).plaintext
    strong = tokens.issue(owner, ["admin"]).plaintext
    for plaintext, status in ((weak, 403), (bound, 403), (strong, 201)):
        answer = api.post(
            "/api/tokens",
            {"name": "child", "scopes": ["read"]},
            content_type="application/json",
            headers={"authorization": f"Bearer {plaintext}"},
        )
        assert answer.status_code == status


def test_a_bound_token_sees_its_projects_alone_even_an_admins(api: Client) -> None:
    owner, mine, other = person("admin"), project("mine"), project("other")
    bound = tokens.issue(owner, ["admin"], projects=[mine.pk]).plaintext
    free = tokens.issue(owner, ["read"]).plaintext
    path = "/api/projects/octo-org/{}/credentials"
    assert get(api, path.format("mine"), bound).status_code == 200
    assert get(api, path.format("other"), bound).status_code == 404
    assert get(api, path.format("other"), free).status_code == 200
    mine.delete()
    assert get(api, path.format(other.name), bound).status_code == 404, "a deleted project widens nothing"


def test_health_says_that_there_is_no_credential(api: Client) -> None:
    project("mine")
    api.force_login(person("viewer"))
    body = api.get("/api/projects/Octo-Org/MINE/credentials").json()
    assert (body["status"], body["has_valid_credential"]) == ("none", False)
    assert api.get("/api/projects/octo-org/unknown/credentials").status_code == 404
    assert api.get("/api/projects/octo--org/..%2f/credentials").status_code == 404


def test_the_commands_print_the_token_once_and_revoke_it() -> None:
    owner = person("admin")
    project("mine")
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "issue_token",
        "--for",
        owner.username,
        "--scope",
        "runner",
        "--project",
        "octo-org/mine",
        stdout=out,
        stderr=err,
    )
    row = tokens.verify(out.getvalue().strip())
    assert row is not None
    assert (row.environment, row.scopes) == ("env-mine", ["runner"])
    assert out.getvalue().strip() not in err.getvalue()
    call_command("revoke_token", str(row.pk), stdout=io.StringIO())
    assert tokens.verify(out.getvalue().strip()) is None
    with pytest.raises(CommandError):
        call_command("revoke_token", str(uuid.uuid4()))
    with pytest.raises(CommandError):
        call_command("issue_token", "--for", "nobody", "--scope", "read")
    many = [tokens.issue(owner, ["runner"], environment="env-mine") for _ in range(2)]
    call_command("revoke_token", "--environment", "env-mine", stdout=io.StringIO())
    assert [tokens.verify(issued.plaintext) for issued in many] == [None, None]


@given(text=st.text(max_size=120))
@hypothesis_settings(max_examples=50)
def test_no_text_but_the_token_itself_is_a_token(text: str) -> None:
    assert tokens.verify(text) is None
