"""Signing in: roles, the limit by address, the lock of an account, and where one goes next."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from meshsix.kit import clock
from meshsix.web.roles import Role
from meshsix.web.sign_in import count_try
from tests.web_process import person

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough password"


@pytest.fixture(autouse=True)
def quick_hashes(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def generous(settings: Settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "login": 1000}


def sign_in(client: Client, name: str, password: str = PASSWORD, **more: str) -> int:
    return client.post("/sign-in", {"username": name, "password": password, **more}).status_code


def test_the_migration_makes_the_four_roles() -> None:
    assert set(Group.objects.values_list("name", flat=True)) >= set(Role)


@pytest.mark.usefixtures("generous")
@pytest.mark.parametrize(
    ("wanted", "given"),
    [("/account", "/account"), ("/", "https://evil.example.org/"), ("/", "//evil.example.org"), ("/", "")],
)
def test_next_stays_on_this_host(client: Client, wanted: str, given: str) -> None:
    person("ann", "viewer", password=PASSWORD)
    answer = client.post("/sign-in", {"username": "ann", "password": PASSWORD, "next": given})
    assert answer.status_code == 302
    assert answer.headers["Location"] == wanted


@pytest.mark.usefixtures("generous")
def test_ten_failures_in_a_row_lock_an_account_for_a_quarter_of_an_hour(client: Client) -> None:
    person("ann", "viewer", password=PASSWORD)
    for _ in range(10):
        assert sign_in(client, "ann", "wrong") == 200
    answer = client.post("/sign-in", {"username": "ann", "password": PASSWORD})
    assert answer.status_code == 200
    assert "locked for 15 minutes" in answer.content.decode()
    with clock.moved(timedelta(minutes=16)):
        assert sign_in(client, "ann") == 302


@pytest.mark.usefixtures("generous")
def test_tries_count_before_their_passwords_are_looked_at(client: Client) -> None:
    ann = person("ann", "viewer", password=PASSWORD)
    assert [count_try(ann) for _ in range(11)] == [True] * 10 + [False]
    with clock.moved(timedelta(minutes=16)):
        assert [count_try(ann) for _ in range(9)] == [True] * 9
        assert sign_in(client, "ann") == 302, "the tenth may be the right one"
        assert count_try(ann)


@pytest.mark.usefixtures("generous")
def test_a_success_forgets_the_failures(client: Client) -> None:
    person("ann", "viewer", password=PASSWORD)
    for _ in range(2):
        for _ in range(9):
            sign_in(client, "ann", "wrong")
        assert sign_in(client, "ann") == 302
        client.logout()


@pytest.mark.usefixtures("generous")
def test_a_wrong_name_reads_as_a_wrong_password_does(client: Client) -> None:
    person("ann", "viewer", password=PASSWORD)
    answers = [client.post("/sign-in", {"username": name, "password": "wrong"}) for name in ("ann", "nobody")]
    words = [answer.context["form"].non_field_errors() for answer in answers]
    assert words[0] == words[1]


def test_ten_attempts_a_minute_from_one_address(client: Client) -> None:
    codes = [client.post("/sign-in", {"username": "x", "password": "y"}, REMOTE_ADDR="192.0.2.9") for _ in range(11)]
    assert [answer.status_code for answer in codes] == [200] * 10 + [429]
    assert int(codes[-1].headers["Retry-After"]) in range(1, 61)
    assert client.post("/sign-in", {"username": "x", "password": "y"}, REMOTE_ADDR="192.0.2.10").status_code == 200


def test_who_has_no_role_reads_whom_to_ask(client: Client) -> None:
    person("boss", "admin")
    client.force_login(person("new"))
    answer = client.get("/")
    assert answer.status_code == 403
    assert "no role" in answer.content.decode()
    assert "boss" in answer.content.decode()


def test_nobody_goes_to_the_sign_in_page_and_back(client: Client) -> None:
    answer = client.get("/account?tab=1")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sign-in?next=/account%3Ftab%3D1"


@pytest.mark.usefixtures("generous")
def test_the_admin_has_no_sign_in_of_its_own_past_the_limits(client: Client) -> None:
    User.objects.create_superuser("root", password=PASSWORD)
    there = client.get("/admin/", follow=True)
    assert there.redirect_chain[-1][0] == "/sign-in?next=/admin/"
    assert client.post("/admin/login/", {"username": "root", "password": PASSWORD}).status_code == 405
    answer = client.post("/sign-in", {"username": "root", "password": PASSWORD, "next": "/admin/"})
    assert answer.headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_who_may_not_enter_the_admin_is_told_so_instead_of_sent_in_circles(client: Client) -> None:
    client.force_login(person("ann", "viewer"))
    assert client.get("/admin/", follow=True).status_code == 403


def test_signing_out_needs_a_post(client: Client) -> None:
    client.force_login(person("ann", "viewer"))
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").status_code == 302
    assert client.get("/").status_code == 302


def test_the_theme_is_kept_and_written_into_the_page(client: Client) -> None:
    client.force_login(person("ann", "viewer"))
    assert 'data-theme="system"' in client.get("/").content.decode()
    client.post("/account/theme", {"theme": "dark"})
    assert 'data-theme="dark"' in client.get("/").content.decode()
    client.post("/account/theme", {"theme": '"><script>'})
    assert 'data-theme="dark"' in client.get("/").content.decode()


def test_an_inactive_account_has_no_roles() -> None:
    from_admin = person("gone", "admin")
    User.objects.filter(pk=from_admin.pk).update(is_active=False)
    client = Client()
    client.force_login(from_admin)
    assert client.get("/").status_code == 302
