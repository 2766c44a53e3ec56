"""A sandbox GitHub for these tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.base import running
from deploy.sandbox.github.app import make
from tests.contract.sandbox_github.callers import Client, Receiver, Sandbox, config


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    """The private key of the GitHub App."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def sandbox(key: rsa.RSAPrivateKey, tmp_path: Path) -> Iterator[Sandbox]:
    """A fresh sandbox."""
    with running(make(config(key), tmp_path / "github")) as url:
        yield Sandbox(url, key)


@pytest.fixture
def octo(sandbox: Sandbox) -> Iterator[Client]:
    """The owner of octo-org with a classic token of all scopes."""
    with sandbox.caller() as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    made = Receiver()
    yield made
    made.close()
