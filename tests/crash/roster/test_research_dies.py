"""kill -9 in the middle of a fetch: the site's log shows each page once, and the research ends all the same."""

import pytest
from django.conf import settings

from deploy.local.servers import OpenBao
from meshsix.durable.models import StepRow
from tests.crash.durable.conftest import until
from tests.crash.roster.dying import release, running, stands_on
from tests.models_sandbox import ModelsSandbox
from tests.service.registry.conftest import Office
from tests.service.roster.deep_desk import QUESTION, finding, finds, one_step, result_of, states, submitted
from tests.service.roster.web_sandbox import Site

pytestmark = pytest.mark.usefixtures("reading")


@pytest.fixture
def environment(site: Site, litellm: ModelsSandbox, vault_environment: OpenBao) -> dict[str, str]:
    """What a process needs to stand on the database and the vendors of this test."""
    return {
        **stands_on(vault_environment),
        "LITELLM_URL": litellm.url,
        "LITELLM_ADMIN_KEY": settings.LITELLM_ADMIN_KEY,
        "SEARCH_URL": site.url,
        "FETCH_HOSTS": site.host,
        "FETCH_TIMEOUT_SECONDS": "300",
        "DURABLE_STRETCH_SECONDS": "600",
    }


def test_a_worker_killed_in_mid_fetch_makes_no_fetch_twice(
    office: Office, litellm: ModelsSandbox, site: Site, environment: dict[str, str]
) -> None:
    finds(litellm, finding("7 times", "S1"))
    site.fault("timeout", match={"path": "/docs/storage"})
    task = office.begin(submitted(office))
    one_step(task, "plan")
    with running(task, "fetch_1", environment) as worker:
        until(lambda: "/docs/storage" in site.read(), lambda: f"{worker.poll()} {site.read()}")
    site.no_faults()
    assert states(task)["fetch_1"] == "running"
    release(task, "fetch_1")
    result = result_of(office.work(task))
    paths = site.read()
    assert sorted(paths) == sorted(set(paths))
    assert [each["path"] for each in site.requests()].count("/search") == 1
    assert (result["grounded"], result["sources"][0]["url"]) == (True, site.at("/docs/retries"))
    interrupted = [each for each in result["missing_information"] if site.at("/docs/storage") in each]
    assert "interrupted" in interrupted[0]
    assert StepRow.objects.get(run=task.run_id, name="fetch_1").attempt == len(("killed", "done"))


def test_a_worker_killed_between_fetch_and_read_leaves_all_that_was_fetched(
    office: Office, litellm: ModelsSandbox, site: Site, environment: dict[str, str]
) -> None:
    finds(litellm, finding("7 times", "S1"))
    litellm.fault("timeout", match={"path": "/chat/completions", "contains": "NotesWords"})
    task = office.begin(submitted(office))
    one_step(task, "plan")
    with running(task, "fetch_1", environment) as worker:
        until(lambda: states(task)["read_1"] == "running", lambda: f"{worker.poll()} {states(task)}")
    litellm.no_faults()
    fetched = site.read()
    release(task, "read_1")
    assert result_of(office.work(task))["grounded"]
    assert site.read() == fetched == ["/docs/retries", "/docs/storage"]


@pytest.mark.parametrize("capability", ["technical-research", "market-analysis"])
def test_a_worker_killed_in_the_models_call_leaves_all_that_was_fetched_to_the_next_attempt(
    office: Office, litellm: ModelsSandbox, site: Site, environment: dict[str, str], capability: str
) -> None:
    office.succeeded("researcher-agent", "+++", capability=capability)
    finds(litellm, finding("7 times", "S1"))
    litellm.fault("timeout", match={"path": "/chat/completions", "contains": "ResearchWords"})
    given = {"text": None, "modes": None, "query": QUESTION, "depth": "quick"}
    task = office.begin(office.submit(capability, payload=given))
    with running(task, "perform", environment) as worker:
        until(lambda: bool(litellm.asked()), lambda: f"{worker.poll()} {site.read()}")
    litellm.no_faults()
    assert (states(task)["perform"], site.read()) == ("running", ["/docs/retries", "/docs/storage"])
    release(task, "perform")
    task.refresh_from_db()
    assert (task.status, task.attempts) == ("pending", 1)
    result = result_of(office.run(task))
    assert (result["grounded"], result["sources"][0]["url"]) == (True, site.at("/docs/retries"))
    assert site.read() == ["/docs/retries", "/docs/storage"]
    assert [each["path"] for each in site.requests()].count("/search") == 1
    assert {"name": "web", "calls": 2, "failed": 0} in result["basis"]["tools"]
