"""Sends one call to GitHub within the shared budget and tells failures in our words. PyGithub does the talking.

No retries here: the step engine owns them. https://pygithub.readthedocs.io
"""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from github.Auth import Auth, Token
from github.Requester import Requester
from requests import RequestException
from requests.utils import parse_header_links

from meshsix.integrations.errors import Refused, TryLater
from meshsix.integrations.github.budget import Budget
from meshsix.integrations.github.connection import Connection, connect
from meshsix.integrations.github.credential import AppCredential, Credential, Installation, TokenCredential
from meshsix.integrations.github.failures import VENDOR, Answer, failure, graphql_failure, limited_for, reset_in
from meshsix.integrations.github.messages import CredentialKind, Identity
from meshsix.kit import clock

API_VERSION = "2022-11-28"
_HEADERS = {"Accept": "application/vnd.github+json"}
_PAGE = 100
_RENEW_BEFORE = timedelta(minutes=5)


class Transport:
    """Calls GitHub with one credential. Safe to share between threads: each has connections of its own."""

    def __init__(self, *, api_url: str, credential: Credential, timeout: timedelta, budget: Budget) -> None:
        self._api_url = api_url
        self._credential = credential
        self._timeout = timeout
        self._budget = budget
        self._mine = threading.local()
        self._connections = threading.local()
        self._installations: dict[str, Installation] = {}
        self._lock = threading.Lock()

    def rest(
        self,
        owner: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        creates: bool = False,
    ) -> Answer:
        """Make one REST call as we are for `owner`. `creates` where it makes content, so that calls are spaced."""
        who, auth = self._signed_in(owner)
        return self._rest(who, auth, method, path, query=query, body=body, creates=creates)

    def pages(self, owner: str, path: str) -> Iterator[Mapping[str, Any]]:
        """Give the entries of all pages of a list."""
        return _pages(path, lambda address: self.rest(owner, "GET", address))

    def app_rest(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, creates: bool = False
    ) -> Answer:
        """Make one REST call as the GitHub App itself. Raises Refused `github:no-app` where we sign in with a token."""
        if not isinstance(self._credential, AppCredential):
            raise Refused(
                f"{method} {path}: only a GitHub App may ask this",
                code="github:no-app",
                vendor=VENDOR,
                hint="Sign in as a GitHub App: set GITHUB_APP_ID and its private key.",
            )
        app = self._credential
        return self._rest(app.key, app.auth, method, path, body=body, creates=creates)

    def app_pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Give the entries of all pages of a list of the GitHub App itself."""
        return _pages(path, lambda address: self.app_rest("GET", address))

    def graphql(
        self, owner: str, document: str, variables: Mapping[str, Any], *, creates: bool = False
    ) -> dict[str, Any]:
        """Send a GraphQL document; return its `data`. GitHub tells errors under HTTP 200 too."""
        who, auth = self._signed_in(owner)
        requester = self._requester(who, auth)
        body = {"query": document, "variables": dict(variables)}
        name = f"GraphQL {document.split('(', 1)[0].split('{', 1)[0].strip()}"
        answer = self._send(
            who, auth, "POST", requester.graphql_url, body=body, kind="graphql", creates=creates, what=name
        )
        problem = graphql_failure(answer, what=name, now=clock.now())
        if problem is not None:
            raise problem
        data: dict[str, Any] = answer.json_object["data"]
        return data

    def identity(self, owner: str) -> Identity:
        """Return who we are when we act for `owner`."""
        if isinstance(self._credential, AppCredential):
            found = self._installation_of(self._credential, owner).json_object
            return Identity(
                kind=CredentialKind.APP,
                login=f"{found['app_slug']}[bot]",
                permissions=dict(found["permissions"]),
                events=frozenset(found["events"]),
            )
        answer = self.rest(owner, "GET", "/user")
        scopes = answer.headers.get("x-oauth-scopes")
        return Identity(
            kind=CredentialKind.FINE_GRAINED if scopes is None else CredentialKind.CLASSIC,
            login=answer.json_object["login"],
            scopes=frozenset(scope.strip() for scope in (scopes or "").split(",") if scope.strip()),
        )

    def _rest(
        self,
        who: str,
        auth: Auth,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        creates: bool = False,
    ) -> Answer:
        what = f"{method} {path}"
        answer = self._send(who, auth, method, path, query=query, body=body, kind="core", creates=creates, what=what)
        problem = failure(answer, what=what, now=clock.now())
        if problem is not None:
            raise problem
        return answer

    def _send(
        self,
        who: str,
        auth: Auth,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None,
        kind: str,
        creates: bool,
        what: str,
    ) -> Answer:
        self._reserve(who, kind, creates=creates, what=what)
        requester = self._requester(who, auth)
        try:
            status, headers, text = requester.requestJson(
                method,
                path,
                dict(query or {}),
                dict(_HEADERS),
                dict(body) if body is not None else None,
                cnx=self._connection(),
            )
        except RequestException as error:
            raise TryLater(
                f"{what}: {type(error).__name__}", vendor=VENDOR, hint="GitHub cannot be reached."
            ) from error
        answer = Answer(status=status, headers=headers, data=_parsed(text, status, what))
        self._note(who, kind, answer, now=clock.now())
        return answer

    def _reserve(self, who: str, kind: str, *, creates: bool, what: str) -> None:
        slot = self._budget.reserve(who, kind=kind, creates=creates)
        if not slot.free:
            raise TryLater(
                f"{what}: waits for its turn within GitHub's limits",
                pause=slot.wait,
                counts=False,
                vendor=VENDOR,
                hint="GitHub limits how often we may ask; the step goes on by itself.",
            )
        if slot.wait:
            time.sleep(slot.wait.total_seconds())

    def _note(self, who: str, kind: str, answer: Answer, *, now: datetime) -> None:
        remaining, resets_in = answer.headers.get("x-ratelimit-remaining", ""), reset_in(answer, now=now)
        if remaining.isdigit() and resets_in is not None:
            self._budget.spent(who, kind=kind, remaining=int(remaining), resets_in=resets_in)
        pause = limited_for(answer, now=now)
        if pause is not None and remaining != "0":
            self._budget.block(who, pause)

    def _requester(self, who: str, auth: Auth) -> Requester:
        """Return this thread's requester: PyGithub's connections must not be shared between threads."""
        mine: dict[str, tuple[Auth, Requester]] = self._mine.__dict__
        known = mine.get(who)
        if known is None or known[0] is not auth:
            known = (auth, self._new_requester(auth))
            mine[who] = known
        return known[1]

    def _connection(self) -> Connection:
        """Return this thread's connection, one for all credentials."""
        mine: Connection | None = getattr(self._connections, "mine", None)
        if mine is None:
            mine = connect(self._api_url, timeout_seconds=math.ceil(self._timeout.total_seconds()))
            self._connections.mine = mine
        return mine

    def _new_requester(self, auth: Auth) -> Requester:
        return Requester(
            auth=auth,
            base_url=self._api_url,
            timeout=math.ceil(self._timeout.total_seconds()),
            user_agent="mesh-six",
            per_page=_PAGE,
            verify=True,
            retry=None,
            pool_size=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            api_version=API_VERSION,
        )

    def _signed_in(self, owner: str) -> tuple[str, Auth]:
        """Return the key of our budget for this owner and what signs us in."""
        if isinstance(self._credential, TokenCredential):
            return self._credential.key, self._credential.auth
        with self._lock:
            known = self._installations.get(owner.lower())
            if known is None or known.expires_at - _RENEW_BEFORE <= clock.now():
                known = self._installations[owner.lower()] = self._new_installation(self._credential, owner)
        return known.key, known.auth

    def _new_installation(self, app: AppCredential, owner: str) -> Installation:
        installation_id = self._installation_of(app, owner).json_object["id"]
        path = f"/app/installations/{installation_id}/access_tokens"
        made = self._rest(app.key, app.auth, "POST", path).json_object
        return Installation(
            key=f"installation:{installation_id}",
            auth=Token(made["token"]),
            expires_at=datetime.fromisoformat(made["expires_at"]),
        )

    def _installation_of(self, app: AppCredential, owner: str) -> Answer:
        return self._rest(app.key, app.auth, "GET", f"/users/{owner}/installation")


def _pages(path: str, ask: Callable[[str], Answer]) -> Iterator[Mapping[str, Any]]:
    following: str | None = f"{path}?per_page={_PAGE}"
    while following:
        answer = ask(following)
        yield from answer.json_list
        links = parse_header_links(answer.headers.get("link", ""))
        following = next((link["url"] for link in links if link.get("rel") == "next"), None)


def _parsed(text: str, status: int, what: str) -> object:
    """Return the body as data, None where it is empty; an error page of a proxy in between counts as empty."""
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        if status >= 400:  # noqa: PLR2004 - an error status of HTTP
            return None
        raise TryLater(f"{what}: an answer that is no JSON", vendor=VENDOR, status=status) from error
