"""Doctor by its page and its API: who may ask, what is answered, and that asking starts nothing."""

import json
from collections.abc import Iterator

import pytest
from django.test import Client

from apps.onboarding.models import Onboarding
from meshsix.wiring import clients
from tests.service.doctor.clinic import Clinic, close
from tests.web_process import person

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "/api/system/doctor"


@pytest.fixture
def own_clients() -> Iterator[None]:
    """Let the process make its clients anew: others have made some with other settings."""
    close(clients())
    clients.cache_clear()
    yield
    close(clients())
    clients.cache_clear()


def ask(client: Client, **asked: object) -> tuple[int, dict[str, object]]:
    answer = client.post(ADDRESS, json.dumps(asked), content_type="application/json")
    return answer.status_code, answer.json()


def test_an_operator_gets_the_report(client: Client) -> None:
    client.force_login(person("ada", "operator"))
    status, found = ask(client, only=["database"])
    assert (status, found["state"], found["repository"]) == (200, "ok", "")


@pytest.mark.parametrize(("roles", "status"), [((), 403), (("viewer",), 403)])
def test_others_may_not_ask(client: Client, roles: tuple[str, ...], status: int) -> None:
    client.force_login(person("eve", *roles))
    assert ask(client, only=["database"])[0] == status


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"repository": "nonsense"}, "/repository"),
        ({"only": ["nothing"]}, "/only/0"),
        ({"auth_method": "magic"}, "/auth_method"),
        ({"nope": 1}, "/nope"),
    ],
)
def test_what_cannot_be_used_is_explained(client: Client, asked: dict[str, object], pointer: str) -> None:
    client.force_login(person("ada", "operator"))
    status, found = ask(client, **asked)
    assert status == 400
    assert isinstance(found["errors"], list)
    assert [each["pointer"] for each in found["errors"]] == [pointer]


def test_the_form_checks_first_and_starts_nothing(client: Client, clinic: Clinic, own_clients: None) -> None:
    assert (clinic.changes(), own_clients) == ([], None)
    client.force_login(person("ada", "operator"))
    given = {"repository": "octo-org/attic", "execution_mode": "local", "check": "1"}
    answer = client.post("/onboarding/new", given)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "octo-org/attic is archived" in page
    assert "What to do:" in page
    assert 'value="octo-org/attic"' in page
    assert Onboarding.objects.count() == 0


def test_the_form_explains_a_bad_name_first(client: Client) -> None:
    client.force_login(person("ada", "operator"))
    answer = client.post("/onboarding/new", {"repository": "nonsense", "execution_mode": "local", "check": "1"})
    assert answer.status_code == 422
    assert "does not name a repository" in answer.content.decode()
