"""The repair of a hook, and asking for what is missing, by every door; and how hooks look from outside."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.projects.models import Hook, HookKind
from apps.webhooks.models import Delivery
from apps.webhooks.repair import health, mending, watch
from apps.webhooks.repair.mending import CannotRepair, Done, NeedsAdmin
from apps.webhooks.repair.models import Gap, HookAlert, HookWatch
from apps.webhooks.repair.states import AlertKind, AlertState, GapState
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from tests.service.repair.site import FULL_NAME, Site, project, until
from tests.web_process import person

pytestmark = pytest.mark.usefixtures("transactional_db")


def switched_off(site: Site) -> None:
    site.bench.sandbox.rest("PATCH", site.at_github, {"active": False})


def deleted(site: Site) -> None:
    site.bench.sandbox.rest("DELETE", site.at_github)


def readdressed(site: Site) -> None:
    site.bench.sandbox.rest("PATCH", f"{site.at_github}/config", {"url": "http://127.0.0.1:9/in"})


@pytest.mark.parametrize(
    ("breaks", "done"), [(switched_off, "changed"), (deleted, "made_anew"), (readdressed, "changed")]
)
def test_a_broken_hook_works_again_and_its_alert_is_cleared(
    site: Site, breaks: Callable[[Site], None], done: str
) -> None:
    breaks(site)
    site.look()
    assert site.alert.state == AlertState.TOLD
    pings = Delivery.objects.filter(event="ping").count()
    assert mending.mend(site.watch, site.bench.clients, actor=SYSTEM).done == done
    until(lambda: Delivery.objects.filter(event="ping").count() > pings)
    assert site.look().troubles == ()
    assert site.alert.state == AlertState.CLEARED
    site.comment()
    until(lambda: Delivery.objects.filter(event="issue_comment").exists())
    (told,) = site.told("hook-repaired")
    assert told.payload["done"] == done


def test_after_bad_signatures_the_secret_is_rotated_and_what_was_refused_comes_in(site: Site) -> None:
    site.sign_with("of somebody else")
    for number in range(3):
        site.comment(str(number))
    assert site.look().troubles == (AlertKind.BAD_SIGNATURES,)
    pings, version = Delivery.objects.filter(event="ping").count(), site.hook.secret_version
    with pytest.raises(NeedsAdmin):
        mending.mend(site.watch, site.bench.clients, actor=SYSTEM)
    mended = mending.mend(site.watch, site.bench.clients, actor=SYSTEM, may_rotate=True)
    assert (mended.done, mended.missing) == (Done.ROTATING, 3)
    assert mending.mend(site.watch, site.bench.clients, actor=SYSTEM, may_rotate=True).done == Done.ROTATING
    waiting = site.look()
    assert (waiting.troubles, waiting.asked_for) == ((AlertKind.BAD_SIGNATURES,), 0), "a try would be in vain"
    assert site.watch.due_at <= clock.now() + watch.ROTATION_TAKES
    site.finish_rotation()
    until(lambda: Delivery.objects.filter(event="ping").count() > pings)
    assert site.hook.secret_version == (version or 0) + 1
    looked = site.look()
    assert (looked.troubles, looked.asked_for) == ((), 3)
    until(lambda: Delivery.objects.filter(event="issue_comment").count() == 3)


def test_a_repair_of_a_well_hook_changes_nothing(site: Site) -> None:
    assert mending.mend(site.watch, site.bench.clients, actor=SYSTEM).done == "nothing"
    assert Hook.objects.count() == len(site.bench.sandbox.state()["hooks"]) == 1


def test_a_repair_that_github_refuses_says_why(site: Site) -> None:
    site.bench.sandbox.fault(
        "status", match={"path": "*/hooks"}, status=403, body={"message": "Must have admin rights"}
    )
    with pytest.raises(CannotRepair) as refused:
        mending.mend(site.watch, site.bench.clients, actor=SYSTEM)
    assert (refused.value.code, refused.value.pause) == ("hook:repair:refused", None)
    site.bench.sandbox.fault("status", match={"path": "*/hooks"}, status=502)
    with pytest.raises(CannotRepair) as later:
        mending.mend(site.watch, site.bench.clients, actor=SYSTEM)
    assert later.value.pause


def client_of(role: str) -> Client:
    client = Client()
    name = f"a-{role}"
    client.force_login(User.objects.filter(username=name).first() or person(name, role))
    return client


@pytest.fixture
def rows(db: None) -> HookWatch:  # noqa: ARG001 - rows
    """A hook in trouble, with something missing; nobody at the other end of the wire."""
    hook = Hook.objects.create(key="k", kind=HookKind.REPOSITORY, owner="octo-org", project=project(), github_id=7)
    watch = HookWatch.objects.create(hook=hook, due_at=clock.now() + timedelta(minutes=5))
    HookAlert.objects.create(watch=watch, kind=AlertKind.DISABLED)
    Gap.objects.create(
        watch=watch,
        guid="g1",
        delivery_id=1,
        event="push",
        delivered_at=clock.now(),
        status_code=401,
        state=GapState.GIVEN_UP,
        reason="asked for 5 times",
        tries=5,
    )
    return watch


def test_the_api_tells_how_a_hook_stands_and_an_operator_asks_for_what_is_missing(rows: HookWatch) -> None:
    (shown,) = client_of("viewer").get("/api/hooks").json()["results"]
    assert (shown["id"], shown["of"], shown["state"]) == (str(rows.pk), FULL_NAME, "bad")
    assert shown["alerts"][0]["kind"] == "disabled"
    assert shown["alerts"][0]["hint"]
    assert (shown["figures"]["refused"], shown["figures"]["given_up"]) == (1, 1)
    assert client_of("viewer").post(f"/api/hooks/{rows.pk}/redeliver-missing").status_code == 403
    answer = client_of("operator").post(f"/api/hooks/{rows.pk}/redeliver-missing")
    assert (answer.status_code, answer.json()["missing"]) == (202, 1)
    rows.refresh_from_db()
    assert rows.due_at <= clock.now()
    assert Gap.objects.get().state == GapState.MISSING
    assert client_of("operator").post(f"/api/hooks/{FULL_NAME}/redeliver-missing").status_code == 404


def test_pages_show_what_is_wrong_what_to_do_and_the_button_to_those_who_may(rows: HookWatch) -> None:
    page = client_of("viewer").get("/hooks").content.decode()
    assert "switched off at GitHub" in page
    assert f'id="alert-{HookAlert.objects.get().pk}"' in page
    assert "Repair</button>" not in page
    operator = client_of("operator")
    assert "Repair<" in operator.get("/hooks").content.decode()
    assert operator.post(f"/hooks/{rows.pk}/redeliver-missing", follow=True).status_code == 200
    panel = operator.get(f"/projects/{FULL_NAME}").content.decode()
    assert "Signatures not believed" in panel
    assert "switched off at GitHub" in panel


def test_without_hooks_the_page_says_where_they_come_from(db: None) -> None:  # noqa: ARG001 - an empty database
    assert "Onboarding a repository makes its webhook" in client_of("viewer").get("/hooks").content.decode()


def test_hooks_of_projects_that_a_person_may_not_see_are_not_there(rows: HookWatch) -> None:
    other = person("somebody", "viewer")
    client = Client()
    client.force_login(other)
    assert len(client.get("/api/hooks").json()["results"]) == 1
    assert rows.hook is not None
    assert rows.hook.project is not None
    rows.hook.project.groups.add(person("a-member", "operator").groups.get())
    assert client.get("/api/hooks").json()["results"] == []
    assert client_of("viewer").get(f"/projects/{FULL_NAME}/hooks").status_code == 404


@pytest.mark.usefixtures("rows")
def test_neither_hooks_nor_figures_cost_more_queries_where_there_are_more() -> None:
    client = client_of("viewer")
    client.get("/api/hooks")
    with CaptureQueriesContext(connection) as few:
        client.get("/api/hooks")
    for number in range(10):
        of = project(f"octo-org/app{number}")
        hook = Hook.objects.create(key=f"k{number}", kind=HookKind.REPOSITORY, owner="octo-org", project=of)
        HookAlert.objects.create(watch=HookWatch.objects.create(hook=hook), kind=AlertKind.DELETED)
    with CaptureQueriesContext(connection) as many:
        assert len(client.get("/api/hooks").json()["results"]) == 11
    assert len(many) == len(few)
    with CaptureQueriesContext(connection) as metrics:
        list(health.families())
    assert len(metrics) <= 6


def test_metrics_tell_figures_of_each_project_with_a_bound(rows: HookWatch) -> None:
    assert rows.hook is not None
    Delivery.objects.create(
        guid="1",
        hook=rows.hook,
        project=rows.hook.project,
        event="push",
        payload=b"",
        state="handled",
        occurred_at=clock.now() - timedelta(seconds=32),
        received_at=clock.now() - timedelta(seconds=2),
        handled_at=clock.now(),
    )
    text = client_of("admin").get("/metrics").content.decode()
    assert f'meshsix_project_deliveries{{project="{FULL_NAME}"}} 1.0' in text
    assert f'meshsix_project_signature_failures{{project="{FULL_NAME}"}} 1.0' in text
    assert 'meshsix_hook_alerts{kind="disabled"} 1.0' in text
    (figures,) = health.of_projects([rows.hook.project], clock.now()).values()  # type: ignore[list-item] # it has one
    assert figures.handling_p95 is not None
    assert timedelta(seconds=1) < figures.handling_p95 < timedelta(seconds=10)
    assert figures.reception_p95 is not None
    assert timedelta(seconds=25) < figures.reception_p95 < timedelta(seconds=35)
    assert f'meshsix_project_reception_p95_seconds{{project="{FULL_NAME}"}} ' in text
    assert "Came in within" in client_of("viewer").get(f"/projects/{FULL_NAME}/hooks").content.decode()
    for number in range(health.MOST_PROJECTS + 5):
        project(f"octo-org/app{number}")
    text = client_of("admin").get("/metrics").content.decode()
    series = [line for line in text.splitlines() if line.startswith("meshsix_project_deliveries{")]
    assert len(series) == health.MOST_PROJECTS + 1
    assert sum(line.endswith(" 1.0") for line in series) == 1


def test_the_command_asks_for_what_is_missing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.lose(FULL_NAME)
    site.comment()
    site.lose()
    call_command("redeliver_missing", FULL_NAME)
    assert f"{FULL_NAME}: 1 missing, 1 asked for" in capsys.readouterr().out
    until(lambda: Delivery.objects.filter(event="issue_comment").exists())
