"""Two people who hand in a token at the same time: the one whom the row names is the one whose token is used."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.onboarding.words import AuthMethod
from apps.projects.credentials import services
from apps.projects.credentials.services import BadCode
from apps.projects.credentials.states import LoginState
from meshsix.durable.models import Answer
from meshsix.kit.actor import Actor, ActorKind, Door
from meshsix.wiring import Clients
from tests.service.credentials.runs import Run, kept_of

pytestmark = pytest.mark.django_db(transaction=True)

TOKENS = [f"planted-token-of-person-{number}" for number in range(4)]


def test_of_many_who_answer_at_once_one_is_named_and_taken(clients: Clients) -> None:
    run = Run(clients, method=AuthMethod.API_KEY)
    wait = run.waits()
    login_id, gate = run.login.pk, threading.Barrier(len(TOKENS))

    def submit(token: str) -> bool:
        actor = Actor(kind=ActorKind.USER, name=token, door=Door.API)
        gate.wait(timeout=30)
        try:
            services.submit_token(login_id, access_token=token, actor=actor, clients=clients)
        except BadCode:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(len(TOKENS)) as people:
        won = [token for token, taken in zip(TOKENS, people.map(submit, TOKENS), strict=True) if taken]
    assert [kept_of(run).access_token] == won
    assert Answer.objects.get(name=wait.name).actor["name"] == won[0]
    assert run.login.state == LoginState.EXCHANGING
