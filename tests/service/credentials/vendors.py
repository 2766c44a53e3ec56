"""Clients that speak with a sandbox."""

from datetime import timedelta

from meshsix.integrations.claude import Claude, OAuthAddresses
from meshsix.integrations.storage import Storage
from tests.sandboxes import Sandbox

TIMEOUT = timedelta(seconds=30)


def claude_at(server: Sandbox, *, client_id: str = "client-of-tests") -> Claude:
    addresses = OAuthAddresses(
        authorize=f"{server.url}/oauth/authorize",
        token=f"{server.url}/v1/oauth/token",
        device=f"{server.url}/v1/oauth/device",
        redirect=f"{server.url}/oauth/code/callback",
        client_id=client_id,
        scopes=("user:profile", "user:inference"),
    )
    return Claude(oauth=addresses, api_url=server.url, timeout=TIMEOUT)


def storage_at(url: str, *, region: str = "us-east-1") -> Storage:
    return Storage(
        endpoint_url=url,
        bucket="mesh-six-tests",
        region=region,
        access_key="planted-access",
        secret_key="planted-secret",
        timeout=TIMEOUT,
    )
