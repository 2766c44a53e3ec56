"""Slack and Discord: one post to one incoming webhook, whose address comes with the call."""

from collections.abc import Collection, Mapping
from datetime import timedelta

import httpx

from meshsix.integrations.chat import failures, messages
from meshsix.integrations.chat.messages import Post
from meshsix.integrations.outside import Outside


class Chat:
    """Incoming webhooks. `hosts` may be private and without TLS; all others are public and speak https."""

    def __init__(self, *, timeout: timedelta, hosts: Collection[str] = ()) -> None:
        hint = "Use the https address of the chat's webhook, or name its host in NOTIFY_HOSTS."
        through = Outside(vendor="chat", hosts=hosts, tls_only=True, hint=hint)
        self._client = httpx.Client(transport=through, timeout=timeout.total_seconds(), follow_redirects=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def slack(self, url: str, post: Post) -> str:
        """Post to Slack; it names no id, so the text is empty. Raises Unanswered, TryLater, Missing or Refused."""
        self._send("slack", url, messages.slack(post))
        return ""

    def discord(self, url: str, post: Post) -> str:
        """Post to Discord; return the message's id. Raises Unanswered, TryLater, Missing or Refused."""
        answer = self._send("discord", url, messages.discord(post), params={"wait": "true"})
        return messages.discord_id(answer.content)

    def _send(
        self, vendor: str, url: str, body: Mapping[str, object], params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        try:
            answer = self._client.post(httpx.URL(url).copy_merge_params(params or {}), json=body)
        except httpx.InvalidURL as error:
            raise failures.bad_address(vendor) from error
        except httpx.TransportError as error:
            raise failures.of_transport(vendor, error) from error
        if not answer.is_success:
            raise failures.of_answer(vendor, answer)
        return answer
