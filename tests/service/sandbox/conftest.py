"""One process with all sandboxes of this directory for the tests of a session."""

from collections.abc import Iterator

import pytest

from tests.service.sandbox.process import Process, running

CONFIG = {
    "kubernetes": {
        "token": "kube-token",
        "namespaces": ["mesh-six-envs"],
        "users": {"onboarding-token": "system:serviceaccount:mesh-six:onboarding"},
    },
    "litellm": {"master_key": "sk-master", "models": ["claude-sonnet", "claude-haiku"]},
    "sign_in": {"client_id": "client", "api_keys": ["sk-ant-api03-a"], "setup_tokens": ["sk-ant-oat01-setup"]},
    "prometheus": {"token": "prom-token", "series": [{"metric": {"__name__": "up", "job": "web"}, "value": 1}]},
    "ntfy": {"token": "tk_ntfy"},
    "s3": {},
}


@pytest.fixture(scope="session")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The sandboxes; tests share their state and use names of their own."""
    with running(tmp_path_factory.mktemp("sandboxes"), CONFIG) as process:
        yield process
