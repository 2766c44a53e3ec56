"""Who may act on which hook, by page, API and admin; and who hears of it: what is of many projects is for admins."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.projects import queries as projects
from apps.projects.credentials import tokens
from apps.projects.models import Hook, HookKind
from apps.webhooks.models import Delivery, Refusals
from apps.webhooks.repair import alerts, mending, queries
from apps.webhooks.repair.models import Gap, HookAlert, HookWatch
from apps.webhooks.repair.states import AlertKind, GapState
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from tests.service.repair.site import FULL_NAME, project
from tests.web_process import person

pytestmark = pytest.mark.django_db(transaction=True)


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(User.objects.filter(username=f"a-{role}").first() or person(f"a-{role}", role))
    return client


@pytest.fixture
def of_repository() -> HookWatch:
    hook = Hook.objects.create(key="r", kind=HookKind.REPOSITORY, owner="octo-org", project=project(), github_id=7)
    return HookWatch.objects.create(hook=hook, due_at=clock.now() + timedelta(minutes=5))


@pytest.fixture
def of_organization(of_repository: HookWatch) -> HookWatch:  # noqa: ARG001 - its project stands
    project("Octo-Org/else")
    hook = Hook.objects.create(key="o", kind=HookKind.ORGANIZATION, owner="Octo-Org", github_id=8)
    return HookWatch.objects.create(hook=hook, due_at=clock.now() + timedelta(minutes=5))


@pytest.fixture
def of_the_app() -> HookWatch:
    return HookWatch.objects.create(hook=None, due_at=clock.now() + timedelta(minutes=5))


def test_acts_on_an_organizations_hook_are_for_admins(of_organization: HookWatch) -> None:
    for act in ("redeliver-missing", "repair"):
        refused = client_of("operator").post(f"/api/hooks/{of_organization.pk}/{act}")
        assert (refused.status_code, refused.json()["code"]) == (403, "hook:act:for-admins")
        assert refused.json()["hint"]
        assert client_of("operator").post(f"/hooks/{of_organization.pk}/{act}").status_code == 403
    assert not Event.objects.exists()
    assert client_of("admin").post(f"/api/hooks/{of_organization.pk}/redeliver-missing").status_code == 202


def test_who_is_bound_to_projects_acts_on_their_hooks_alone(
    of_organization: HookWatch, of_repository: HookWatch
) -> None:
    assert of_repository.hook is not None
    assert of_repository.hook.project is not None
    bound = tokens.issue(person("owner", "admin"), ["admin"], projects=[of_repository.hook.project.pk]).plaintext
    headers = {"authorization": f"Bearer {bound}"}
    for watch, status in ((of_repository, 202), (of_organization, 403)):
        assert Client().post(f"/api/hooks/{watch.pk}/redeliver-missing", headers=headers).status_code == status


def test_an_admins_token_for_operators_is_no_admins(of_organization: HookWatch) -> None:
    headers = {"authorization": f"Bearer {tokens.issue(person('owner', 'admin'), ['operate']).plaintext}"}
    answer = Client().post(f"/api/hooks/{of_organization.pk}/redeliver-missing", headers=headers)
    assert answer.status_code == 403


def test_a_repair_that_makes_a_new_secret_is_for_admins(of_repository: HookWatch) -> None:
    assert "Repair<" in client_of("operator").get("/hooks").content.decode()
    HookAlert.objects.create(watch=of_repository, kind=AlertKind.BAD_SIGNATURES)
    refused = client_of("operator").post(f"/api/hooks/{of_repository.pk}/repair")
    assert (refused.status_code, refused.json()["code"]) == (403, "hook:act:for-admins")
    assert client_of("operator").post(f"/hooks/{of_repository.pk}/repair").status_code == 403
    page = client_of("operator").get("/hooks").content.decode()
    assert ("Ask for what is missing<" in page, "Repair<" in page) == (True, False)
    assert "Repair<" in client_of("admin").get("/hooks").content.decode()


@pytest.mark.usefixtures("of_organization")
def test_buttons_of_an_organizations_hook_are_shown_to_admins_alone() -> None:
    assert client_of("operator").get("/hooks").content.decode().count("Ask for what is missing<") == 1
    assert client_of("admin").get("/hooks").content.decode().count("Ask for what is missing<") == 2


def test_what_befalls_an_organizations_hook_is_told_on_each_of_its_projects(of_organization: HookWatch) -> None:
    with transaction.atomic():
        alerts.converge(of_organization, {AlertKind.DISABLED: {}}, clock.now())
    mending.redeliver_missing(of_organization, actor=SYSTEM)
    told = Event.objects.order_by("seq").values_list("event_type", "aggregate_id")
    both = ("project:octo-org/bookmarks", "project:octo-org/else")
    assert list(told) == [(name, each) for name in ("hook-alert-raised", "redelivery-asked-for") for each in both]
    panel = client_of("viewer").get(f"/projects/{FULL_NAME}/hooks").content.decode()
    assert 'data-aggregate="project:octo-org/bookmarks"' in panel
    assert "switched off at GitHub" in panel


def test_only_admins_hear_of_the_apps_hook(of_the_app: HookWatch) -> None:
    alerts.converge(of_the_app, {AlertKind.DISABLED: {}}, clock.now())
    (told,) = Event.objects.values_list("aggregate_id", flat=True)
    assert projects.visible_aggregates(person("somebody", "operator"), [told]) == set()
    assert projects.visible_aggregates(person("root", "admin"), [told]) == {told}


def test_figures_of_the_apps_hook_leave_out_what_came_by_other_doors(
    of_the_app: HookWatch, of_repository: HookWatch
) -> None:
    for guid, door in (("1", "github"), ("2", "grafana")):
        Delivery.objects.create(guid=guid, door=door, event="push", payload=b"", state="handled")
    watches = list(queries.with_parts(HookWatch.objects.all()))
    shown = {view.watch.pk: view.figures.deliveries for view in queries.views(watches)}
    assert shown == {of_the_app.pk: 1, of_repository.pk: 0}


def test_refusals_at_the_door_are_shown_for_a_day(of_repository: HookWatch) -> None:
    assert of_repository.hook is not None
    for hours, number in ((1, 2), (3, 40), (30, 500)):
        at = clock.now() - timedelta(hours=hours)
        Refusals.objects.create(hook=of_repository.hook, minute=at, number=number)
    (shown,) = client_of("viewer").get("/api/hooks").json()["results"]
    assert shown["refused_at_door"] == 42
    assert "42 calls with a wrong signature" in client_of("viewer").get("/hooks").content.decode()


@pytest.mark.usefixtures("of_organization")
def test_a_panel_asks_for_no_figures_of_single_hooks() -> None:
    viewer = client_of("viewer")
    with CaptureQueriesContext(connection) as asked:
        assert viewer.get(f"/projects/{FULL_NAME}/hooks").status_code == 200
    sums = [each["sql"] for each in asked if "percentile_cont" in each["sql"]]
    assert len(sums) == 1, "the project's own"


def act_in_admin(role: str, act: str, row: HookWatch) -> str:
    given = {"action": act, "_selected_action": str(row.pk), "confirmed": "1"}
    client = client_of(role)
    User.objects.update(is_staff=True)
    return client.post("/admin/repair/hookwatch/", given, follow=True).content.decode()


def test_admins_ask_for_what_is_missing_in_the_admin(of_repository: HookWatch) -> None:
    Gap.objects.create(watch=of_repository, guid="g", delivery_id=1, event="push", delivered_at=clock.now())
    Gap.objects.update(state=GapState.GIVEN_UP, reason="asked for 5 times")
    act_in_admin("operator", "redeliver_missing", of_repository)
    assert Gap.objects.get().state == GapState.GIVEN_UP
    assert "done." in act_in_admin("admin", "redeliver_missing", of_repository)
    assert Gap.objects.get().state == GapState.MISSING


def test_a_repair_in_the_admin_says_why_it_cannot_be_done(of_the_app: HookWatch) -> None:
    assert "can be repaired at GitHub alone" in act_in_admin("admin", "repair", of_the_app)
