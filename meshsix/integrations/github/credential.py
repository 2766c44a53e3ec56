"""What we sign in to GitHub with: one token, or a GitHub App that has an installation an owner.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from github.Auth import AppAuth, Auth, Token


@dataclass(frozen=True, kw_only=True)
class TokenCredential:
    """A classic or fine-grained token; which of them, GitHub's answers tell."""

    token: str = field(repr=False)

    @cached_property
    def key(self) -> str:
        """Return a name for the token's budget that does not give it away."""
        return f"token:{hashlib.sha256(self.token.encode()).hexdigest()[:12]}"

    @cached_property
    def auth(self) -> Auth:
        """Return what PyGithub signs in with."""
        return Token(self.token)


@dataclass(frozen=True, kw_only=True)
class AppCredential:
    """A GitHub App: its id (or client id) and its private key in PEM."""

    app_id: str
    private_key: str = field(repr=False)

    @cached_property
    def key(self) -> str:
        """Return a name for the budget of the app's own calls."""
        return f"app:{self.app_id}"

    @cached_property
    def auth(self) -> Auth:
        """Return what PyGithub signs the app's own calls with: JWTs of a few minutes."""
        return AppAuth(self.app_id, self.private_key)


Credential = TokenCredential | AppCredential


@dataclass(frozen=True, kw_only=True)
class Installation:
    """An app's sign-in for one owner. `auth` holds the installation token, which lives for an hour."""

    key: str
    auth: Auth = field(repr=False)
    expires_at: datetime
