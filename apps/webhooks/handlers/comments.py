"""Comments on issues and pull requests, and the commands in them.

A command counts for people who may write to the repository; of others the comment is told without it, and nobody
answers. Comments of bots are ignored, and before all our own: each of them begins with a marker, since with a classic
token our login is a person's, whose commands must count.
"""

from dataclasses import dataclass
from hashlib import sha256

from apps.projects.canonical import CanonicalEvent, JsonValue, Kind
from apps.webhooks import commands
from apps.webhooks.commands import Command
from apps.webhooks.handlers.words import Handler, Outcome, Received, Router, canonical, ignored, project_of, stamp, told
from apps.webhooks.messages import CommentMessage, IssueMessage
from meshsix.kit.names import RepositoryName
from meshsix.wiring import Clients

OURS = "<!-- mesh-six-"
"""How every comment of the platform begins."""
_DIGEST = 16


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A comment's command, and whether its author may give one; `unused` says why the comment is ignored."""

    unused: str = ""
    command: Command | None = None
    may_command: bool = False


def look(received: Received, clients: Clients) -> Looked:
    """Read the command, and ask GitHub what its author may do; without a command nothing is asked."""
    if received.action not in {"created", "edited"}:
        gone = received.action == "deleted"
        why = "what was said stays said" if gone else f"unknown action {received.action or '(none)'}"
        return Looked(unused=why)
    comment = CommentMessage.parse(received.payload)
    if comment.body.startswith(OURS):
        return Looked(unused="our own comment")
    if comment.author.is_bot:
        return Looked(unused=f"a bot's comment ({comment.author.login})")
    command = _new_command(comment)
    if command is None or not comment.author.login:
        return Looked()
    project = project_of(received)
    repository = RepositoryName(owner=project.owner, name=project.name)
    return Looked(command=command, may_command=clients.github.permission(repository, comment.author.login).writes)


def _new_command(comment: CommentMessage) -> Command | None:
    """Return the command, None where an edit left it as it was: it has been given already."""
    command = commands.parse(comment.body)
    return None if command is not None and command == commands.parse(comment.body_before) else command


def comments(received: Received, looked: Looked) -> Outcome:
    """Tell the comment, with its command if its author may give one."""
    issue = IssueMessage.parse(received.payload)
    if looked.unused:
        return ignored(looked.unused, issue=issue.number)
    return told(_commented(received, issue, looked))


def _commented(received: Received, issue: IssueMessage, looked: Looked) -> CanonicalEvent:
    comment = CommentMessage.parse(received.payload)
    command = looked.command if looked.may_command else None
    facts: dict[str, JsonValue] = {
        "author": comment.author.login,
        "association": comment.association,
        "body": comment.body,
        "comment_id": comment.id,
        "url": comment.url,
        "action": received.action,
        "on_pull_request": issue.is_pull_request,
        "command": command.as_json() if command is not None else None,
        "refused_command": looked.command.verb.value if looked.command and not looked.may_command else "",
    }
    digest = sha256(comment.body.encode()).hexdigest()[:_DIGEST]
    key = (comment.id, stamp(comment.updated_at, received), digest)
    return canonical(Kind.ISSUE_COMMENTED, received, *key, at=comment.updated_at, issue=issue.number, facts=facts)


ROUTER: Router = {"issue_comment": Handler(looks=look, acts=comments)}
