"""Signing in to the coding agent's provider, without a process that lives while a person signs in."""

from meshsix.integrations.claude.client import (
    Claude,
    CredentialRefused,
    DevicePending,
    GrantRefused,
    OAuthAddresses,
)
from meshsix.integrations.claude.messages import Account, DeviceGrant, Kind, Pkce, Tokens, new_pkce

__all__ = [
    "Account",
    "Claude",
    "CredentialRefused",
    "DeviceGrant",
    "DevicePending",
    "GrantRefused",
    "Kind",
    "OAuthAddresses",
    "Pkce",
    "Tokens",
    "new_pkce",
]
