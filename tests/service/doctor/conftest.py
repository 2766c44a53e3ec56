"""All vendors that doctor looks at, from the sandbox, and the platform's settings pointing to them."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from pytest_django import Settings

from deploy.local.servers import OpenBao
from meshsix.integrations.storage import Storage
from meshsix.wiring import Clients
from tests import cluster_bench
from tests.sandboxes import Sandbox
from tests.service.doctor.clinic import CONFIG, Clinic, close
from tests.service.sandbox.process import running

VENDORS = tuple(CONFIG)


class Healthy(BaseHTTPRequestHandler):
    """Answers as our own /healthz does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def public_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sandbox]]:
    with running(tmp_path_factory.mktemp("doctor"), CONFIG) as process:
        yield {name: Sandbox(url) for name, url in process.urls.items()}


@pytest.fixture(scope="module")
def storage(vendors: dict[str, Sandbox]) -> Storage:
    """One for all tests: boto3 takes a second to make a client."""
    url = vendors["s3"].url
    httpx.get(url, timeout=30)  # moto loads in a thread; its first answer tells that it has
    made = Storage(
        endpoint_url=url,
        bucket="mesh-six-doctor",
        region="us-east-1",
        access_key="planted-s3-key",
        secret_key="planted-s3-key",
        timeout=timedelta(seconds=30),
    )
    made.create_bucket()
    return made


@pytest.fixture
def clinic(
    vendors: dict[str, Sandbox], storage: Storage, settings: Settings, vault_environment: OpenBao, public_url: str
) -> Iterator[Clinic]:
    """A platform in good health, apart from its workers, which do not run here."""
    assert vault_environment.url == settings.VAULT_ADDR
    cluster_bench.point_settings(settings, {name: each.url for name, each in vendors.items()})
    settings.PUBLIC_URL = public_url
    settings.LITELLM_URL, settings.LITELLM_ADMIN_KEY = vendors["litellm"].url, "sk-planted-master-key"
    settings.NTFY_URL, settings.NTFY_TOKEN = vendors["ntfy"].url, "planted-ntfy-token"
    settings.S3_ENDPOINT_URL, settings.S3_BUCKET = vendors["s3"].url, "mesh-six-doctor"
    settings.S3_ACCESS_KEY = settings.S3_SECRET_KEY = "planted-s3-key"
    settings.CLAUDE_OAUTH_AUTHORIZE_URL = settings.CLAUDE_OAUTH_TOKEN_URL = vendors["sign_in"].url
    settings.CLAUDE_OAUTH_DEVICE_URL, settings.CLAUDE_OAUTH_CLIENT_ID = vendors["sign_in"].url, "client"
    settings.S3_TIMEOUT = timedelta(seconds=30)
    clients = Clients()
    clients.__dict__["storage"] = storage
    for vendor in vendors.values():
        vendor.no_faults()
        vendor.forget_requests()
    yield Clinic(vendors=vendors, clients=clients, settings=settings)
    close(clients)
