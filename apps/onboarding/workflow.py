"""The three phases of onboarding, as a value. What each step does stands in `steps/`; budgets come from settings."""

from collections.abc import Callable
from typing import Any

from django.conf import settings

from apps.onboarding.steps import (
    access,
    board,
    cluster,
    devcontainer,
    hooks,
    manifests,
    models,
    registry,
    secrets,
    sign_in,
    storage,
)
from apps.onboarding.words import Ask
from meshsix.durable.definition import Parallel, Phase, Step, Workflow
from meshsix.kit.backoff import Backoff

_GITHUB = Backoff(
    attempts=settings.ONBOARDING_GITHUB_ATTEMPTS,
    first=settings.ONBOARDING_GITHUB_FIRST_PAUSE,
    most=settings.ONBOARDING_GITHUB_LONGEST_PAUSE,
)
_OTHERS = Backoff(
    attempts=settings.ONBOARDING_ATTEMPTS,
    first=settings.ONBOARDING_FIRST_PAUSE,
    most=settings.ONBOARDING_LONGEST_PAUSE,
)


def _step(does: Callable[[Any, Any], Any], backoff: Backoff) -> Step:
    return Step(name=does.__name__, does=does, backoff=backoff, timeout=settings.ONBOARDING_STEP_TIMEOUT)


ONBOARDING = Workflow(
    name="onboarding",
    ask=Ask,
    queue="onboarding",
    observer="apps.onboarding.services.follow",
    phases=(
        Phase(
            name="initialization",
            title="Board, webhook and registry",
            stretch=(
                _step(access.validate_repo, _GITHUB),
                Parallel(
                    (
                        (_step(board.create_project_board, _GITHUB),),
                        (_step(secrets.register_webhook_secret, _OTHERS),),
                        (_step(storage.provision_backend, _OTHERS),),
                    )
                ),
                _step(registry.register_in_database, _OTHERS),
                _step(hooks.register_webhook, _GITHUB),
            ),
        ),
        Phase(
            name="dev_environment",
            title="Development environment",
            stretch=(
                Parallel(
                    (
                        (_step(devcontainer.scaffold_devcontainer, _GITHUB),),
                        (_step(manifests.generate_kube_manifests, _GITHUB),),
                    )
                ),
                _step(manifests.update_kustomization, _GITHUB),
                _step(cluster.trigger_sync, _OTHERS),
                _step(cluster.verify_pod_health, _OTHERS),
            ),
        ),
        Phase(
            name="auth_settings",
            title="Sign-in, model budget and settings",
            stretch=(
                Parallel(
                    (
                        (
                            _step(sign_in.initiate_claude_oauth, _OTHERS),
                            _step(sign_in.store_claude_credentials, _OTHERS),
                        ),
                        (_step(models.configure_litellm, _OTHERS),),
                        (_step(registry.configure_app_settings, _OTHERS),),
                    )
                ),
            ),
        ),
    ),
)
