"""Agents come, beat, fall silent and go."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext

from apps.agents.registry import definitions
from apps.agents.registry.definitions import BadDefinition
from apps.agents.registry.models import Agent, Capability, Check, History, Instance, RoutingPolicy, Schema, Setting
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.services import operating, registration
from apps.agents.registry.services.operating import Change
from meshsix.kit import clock
from meshsix.live.models import Event
from tests.crossing import crossed
from tests.service.registry.conftest import ANNA, Office

ALPHA, NEEDY = "alpha", "needy"


def definition(agent_id: str) -> definitions.Definition:
    return definitions.deployed(agent_id).definition


def test_registering_stores_the_agent_with_all_that_it_can_do(office: Office) -> None:
    office.register(NEEDY)
    agent = Agent.objects.get(pk=NEEDY)
    assert (agent.title, agent.kind, agent.status) == ("Depends on a vendor.", "python", "online")
    only = agent.capabilities.get()
    assert (only.name, only.weight, only.requirements) == ("keep", Decimal("0.900"), ["vault-healthy"])
    assert Check.objects.get(agent=agent).ok is None
    assert Event.objects.get(aggregate_id="agent:needy").payload == {
        "version": "1",
        "instance_id": "here",
        "capabilities": ["keep"],
        "health_checks": ["vault-healthy"],
        "returned": False,
    }


def test_a_second_registration_of_the_same_writes_no_agent_capability_or_check(office: Office) -> None:
    office.register(NEEDY)
    before = Agent.objects.get(pk=NEEDY).updated_at
    with CaptureQueriesContext(connection) as queries:
        done = registration.register(definition(NEEDY), instance_id="second")
    written = [each["sql"].split(" SET")[0] for each in queries if each["sql"].startswith(("UPDATE", "INSERT"))]
    assert not [
        sql for sql in written if "agent_capabilities" in sql or "agent_checks" in sql or "agent_schemas" in sql
    ]
    assert not done.changed
    assert Agent.objects.get(pk=NEEDY).updated_at == before
    assert Instance.objects.filter(agent=NEEDY).count() == 2


def test_equal_schemas_are_stored_once(office: Office) -> None:
    office.register("alpha", "beta", "careful")
    assert Schema.objects.count() == 2
    assert Capability.objects.count() == 5


def test_what_a_new_definition_lacks_is_withdrawn_and_comes_back_with_its_overrides(office: Office) -> None:
    office.register("beta")
    Capability.objects.filter(name="repeat").update(override_weight=Decimal("0.1"))
    full = definition("beta")
    fewer = replace(full, capabilities=tuple(each for each in full.capabilities if each.name == "echo"), version="2")
    assert registration.register(fewer, instance_id="here").changed
    assert Capability.objects.get(name="repeat").withdrawn_at is not None
    assert agent_queries.capability("beta", "repeat") is None
    registration.register(full, instance_id="here")
    again = Capability.objects.get(name="repeat")
    assert (again.withdrawn_at, again.override_weight) == (None, Decimal("0.100"))


def test_what_an_operator_set_outlives_a_new_definition_and_a_registration_from_nothing(office: Office) -> None:
    def stands() -> tuple[int, bool]:
        agent = Agent.objects.get(pk=ALPHA)
        return agent.max_concurrency, agent.enabled

    office.register(ALPHA)
    operating.change(ALPHA, Change(agent={"max_concurrency": 7}), actor=ANNA)
    registration.register(replace(definition(ALPHA), version="2", max_concurrency=3), instance_id="here")
    assert stands() == (7, True)
    operating.change(ALPHA, Change(agent={"enabled": False}), actor=ANNA)
    registration.deregister(ALPHA, actor=ANNA)
    office.register(ALPHA)
    assert stands() == (7, False)
    operating.change(ALPHA, Change(agent={"enabled": True}), actor=ANNA)
    registration.register(replace(definition(ALPHA), version="3"), instance_id="here")
    assert stands() == (7, True)


def test_a_check_that_changed_its_target_begins_anew_and_one_that_is_gone_is_removed(office: Office) -> None:
    office.register(NEEDY)
    Check.objects.update(ok=True, streak=2)
    wanted = definition(NEEDY)
    other = {"vault-healthy": replace(wanted.checks["vault-healthy"], target="ntfy")}
    registration.register(replace(wanted, checks=other), instance_id="here")
    assert (Check.objects.get().target, Check.objects.get().ok) == ("ntfy", None)
    free = replace(wanted, checks={}, capabilities=(replace(wanted.capabilities[0], requirements=()),))
    registration.register(free, instance_id="here")
    assert not Check.objects.exists()


def test_a_bad_definition_stores_nothing(office: Office) -> None:  # noqa: ARG001 - the database
    with pytest.raises(BadDefinition):
        registration.register(replace(definition(NEEDY), checks={}), instance_id="here")
    assert not Agent.objects.exists()


def test_a_beat_is_one_update_and_no_event(office: Office) -> None:
    office.register(ALPHA, "beta")
    office.age(ALPHA, 100)
    events = Event.objects.count()
    with CaptureQueriesContext(connection) as queries:
        assert registration.beat("here") == 2
    assert len(queries) == 1
    assert Event.objects.count() == events
    assert agent_queries.status_of(ALPHA) == "online"


def test_a_beat_of_an_unknown_or_stopped_instance_says_so(office: Office) -> None:
    office.register(ALPHA)
    assert registration.beat("nobody") == 0
    registration.leave(ALPHA, "here", reason="sigterm")
    assert registration.beat("here", agent_id=ALPHA) == 0


def test_each_change_of_status_is_published_once(office: Office) -> None:
    office.register(ALPHA)
    for seconds in (59, 61, 61, 121, 121):
        office.age(ALPHA, seconds)
        registration.watch()
    registration.beat("here")
    registration.watch()
    registration.watch()
    assert office.agent_events(ALPHA) == [
        "agent.registered",
        "online>degraded",
        "agent.deregistered",
        "offline>online",
    ]


def test_the_last_instance_that_stops_takes_the_agent_offline_at_once_and_one_of_two_does_not(office: Office) -> None:
    office.register(ALPHA)
    office.register(ALPHA, instance_id="second")
    assert registration.leave(ALPHA, "here", reason="sigterm")
    assert agent_queries.status_of(ALPHA) == "online"
    assert registration.leave(ALPHA, "second", reason="sigterm")
    assert not registration.leave(ALPHA, "second", reason="sigterm")
    assert Agent.objects.get(pk=ALPHA).status == "offline"
    assert office.agent_events(ALPHA) == ["agent.registered", "agent.registered", "agent.deregistered"]
    assert Event.objects.latest("seq").payload["reason"] == "sigterm"


def test_an_agent_that_comes_back_says_so(office: Office) -> None:
    office.register(ALPHA)
    registration.leave(ALPHA, "here", reason="sigterm")
    assert registration.register(definition(ALPHA), instance_id="new").returned
    assert Event.objects.latest("seq").payload["returned"] is True


def test_taking_an_agent_off_keeps_its_history(office: Office) -> None:
    office.register(ALPHA)
    office.succeeded(ALPHA, "+")
    assert registration.deregister(ALPHA, actor=ANNA)
    assert not registration.deregister(ALPHA, actor=ANNA)
    assert not Agent.objects.exists()
    assert History.objects.filter(agent_id=ALPHA).exists()


def test_a_new_version_gets_a_new_start_only_where_the_policy_explores(office: Office) -> None:
    office.register(ALPHA)
    registration.register(replace(definition(ALPHA), version="2"), instance_id="here")
    assert Capability.objects.get(agent=ALPHA).window_since is None
    office.policy(exploration_rate=0.1)
    registration.register(replace(definition(ALPHA), version="3"), instance_id="here")
    assert Capability.objects.get(agent=ALPHA).window_since is not None


def test_listing_agents_costs_three_queries_however_many_there_are(office: Office) -> None:
    office.register(ALPHA)
    with CaptureQueriesContext(connection) as few:
        list(agent_queries.detailed())
    office.register("beta", "careful", "needy", "counter", "steady")
    with CaptureQueriesContext(connection) as many:
        assert len(list(agent_queries.detailed())) == 6
    assert len(few) == len(many) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"agent_id": "score"},
        {"agent_id": "Bad"},
        {"max_concurrency": 0},
        {"max_concurrency": 101},
        {"kind": "alien"},
        {"status": "asleep"},
    ],
)
def test_the_database_itself_refuses_what_an_agent_cannot_be(office: Office, wrong: dict[str, object]) -> None:  # noqa: ARG001 - the database
    plain = {"agent_id": "plain", "title": "P", "kind": "python", "type": "RULE", "version": "1"}
    with pytest.raises(IntegrityError):
        Agent.objects.create(**(plain | wrong))


def test_history_is_append_only(office: Office) -> None:
    office.succeeded(ALPHA, "+")
    with pytest.raises(IntegrityError, match="append-only"):
        History.objects.update(success=False, error_type="error")


def test_a_stopped_instance_has_a_reason(office: Office) -> None:
    office.register(ALPHA)
    with pytest.raises(IntegrityError):
        Instance.objects.update(stopped_at=clock.now())


@pytest.mark.parametrize("capability", ["Not-A-Name", "", "x" * 101])
def test_no_policy_is_set_for_what_no_capability_is_called(db: None, capability: str) -> None:  # noqa: ARG001 - a database
    with pytest.raises(operating.NoCapability):
        operating.set_policy(capability, {"hysteresis": 0.1}, actor=ANNA)
    assert not RoutingPolicy.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [True, False])
def test_two_who_set_different_rules_of_a_capability_at_once_both_have_their_way(*, known: bool) -> None:
    if known:
        RoutingPolicy.objects.create(capability="echo")
    crossed(
        lambda: operating.set_policy("echo", {"hysteresis": 0.1}, actor=ANNA),
        lambda: operating.set_policy("echo", {"spill_ratio": 0.5}, actor=ANNA),
        lambda: None,
    )
    row = RoutingPolicy.objects.get()
    assert (row.hysteresis, row.spill_ratio) == (0.1, 0.5)


def test_who_was_switched_off_before_settings_had_a_table_stays_off_when_it_comes_back(office: Office) -> None:
    office.register(ALPHA, "beta")
    MigrationExecutor(connection).migrate([("registry", "0003_slots")])
    Agent.objects.filter(pk=ALPHA).update(enabled=False)
    MigrationExecutor(connection).migrate([("registry", "0004_settings_of_operators")])
    for agent_id in (ALPHA, "beta"):
        registration.deregister(agent_id, actor=ANNA)
        office.register(agent_id)
    assert list(Agent.objects.order_by("pk").values_list("pk", "enabled")) == [(ALPHA, False), ("beta", True)]
    assert Setting.objects.get().pk == ALPHA
