"""What people do to an onboarding under way: cancel it, hand in a code, choose a board."""

from datetime import timedelta

import pytest

from apps.onboarding import services
from apps.onboarding.models import Onboarding
from apps.onboarding.serializers import ask_from
from apps.onboarding.services import NotNow
from apps.projects.credentials import services as credentials
from apps.projects.credentials.models import Login, LoginMethod
from apps.projects.credentials.states import LoginState
from meshsix.durable.models import Answer, StepRow
from meshsix.durable.states import StepState
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)


def started() -> Onboarding:
    return services.start_onboarding(ask_from({"repository": "octo-org/bookmarks"}), actor=SYSTEM)


def asked(row: Onboarding) -> Login:
    """Open a sign-in for an onboarding, as its step does."""
    credentials.ensure_project("env-of-acts", display_name="Bookmarks")
    return Login.objects.create(
        project_id="env-of-acts",
        run_id=row.pk,
        method=LoginMethod.API_KEY,
        expires_at=clock.now() + timedelta(hours=1),
        secret_path="mesh-six/logins/env-of-acts/one",
    )


def test_a_cancelled_onboarding_takes_its_sign_in_with_it() -> None:
    row = started()
    login = asked(row)
    services.cancel(row.pk, actor=SYSTEM)
    login.refresh_from_db()
    assert login.state == LoginState.CANCELLED


def test_what_cannot_be_cancelled_keeps_its_sign_in() -> None:
    row = started()
    services.cancel(row.pk, actor=SYSTEM)
    login = asked(row)
    with pytest.raises(NotNow):
        services.cancel(row.pk, actor=SYSTEM)
    login.refresh_from_db()
    assert login.state == LoginState.WAITING


def test_a_sign_in_that_was_opened_while_its_onboarding_was_cancelled_takes_no_code() -> None:
    row = started()
    services.cancel(row.pk, actor=SYSTEM)
    asked(row)
    with pytest.raises(NotNow):
        services.submit_code(row.pk, "planted-api-key-0001", actor=SYSTEM)


def test_of_two_clicks_on_boards_the_second_is_not_kept_for_a_later_question() -> None:
    row = started()
    since, name = clock.now(), f"choose-board:{row.pk}"
    asks = StepRow.objects.filter(run_id=row.pk, name="create_project_board")
    waits = {"state": StepState.WAITING, "wait_name": name, "wait_since": since, "wait_until": since}
    for _ in range(2):  # the second click was under way when the first one's answer was given
        assert asks.update(**waits) == 1
        services.choose_board(row.pk, 7, actor=SYSTEM)
    assert Answer.objects.filter(name=name).count() == 1
    asks.update(**{**waits, "wait_since": since + timedelta(hours=1)})
    services.choose_board(row.pk, 8, actor=SYSTEM)
    assert list(Answer.objects.filter(name=name, given_at=None)) == []
    with pytest.raises(NotNow):
        services.choose_board(row.pk, 8, actor=SYSTEM)
