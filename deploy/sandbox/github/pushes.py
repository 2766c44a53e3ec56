"""What follows when branches move, by whatever way: push events, and pull requests that gain commits."""

from collections.abc import Mapping

from deploy.sandbox.github import deliveries, git_shapes, pull_shapes
from deploy.sandbox.github.git import ZERO
from deploy.sandbox.github.records import Issue, Pull, Repository
from deploy.sandbox.github.world import World, timestamp

MOST_COMMITS = 20


def moved(
    world: World, repository: Repository, before: Mapping[str, str], after: Mapping[str, str], pusher: str
) -> None:
    """Tell the hooks about each ref that differs between two readings of a repository's refs."""
    for ref in sorted(set(before) | set(after)):
        old, new = before.get(ref, ZERO), after.get(ref, ZERO)
        if old != new:
            ref_moved(world, repository, ref, (old, new), pusher)


def ref_moved(world: World, repository: Repository, ref: str, move: tuple[str, str], pusher: str) -> None:
    """Tell the hooks that one ref made a move from an old commit to a new one (ZERO: it was not there)."""
    old, new = move
    name = repository.full_name
    world.touch(repository, pushed=True)
    span = [new] if old == ZERO else [f"{old}..{new}"]
    log = [] if new == ZERO else world.git.log(name, *span, limit=MOST_COMMITS if old != ZERO else 1)
    shown = []
    for each in reversed(log):
        parent = each.parents[0] if each.parents else "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        shown.append(git_shapes.event_commit(world, repository, each, world.git.changed_files(name, parent, each.sha)))
    html = f"{world.url}/{name}"
    payload = {
        "ref": ref,
        "before": old,
        "after": new,
        "pusher": {"name": pusher, "email": world.email(pusher)},
        "created": old == ZERO,
        "deleted": new == ZERO,
        "forced": ZERO not in (old, new) and not world.git.is_ancestor(name, old, new),
        "base_ref": None,
        "compare": f"{html}/compare/{old[:12]}...{new[:12]}",
        "commits": shown,
        "head_commit": shown[-1] if shown else None,
    }
    deliveries.emit(world, "push", payload, sender=pusher, repository=repository)
    if ref.startswith("refs/heads/") and new != ZERO:
        _synchronize(world, repository, ref.removeprefix("refs/heads/"), move, pusher)


def _synchronize(world: World, repository: Repository, branch: str, move: tuple[str, str], pusher: str) -> None:
    old, new = move
    for pull in world.store.all(Pull, lambda each: each.head == branch and each.merged_at is None):
        issue = world.store.get(Issue, pull.issue_id)
        if issue is not None and issue.repository_id == repository.id and issue.state == "open":
            pull.head_sha, issue.updated_at = new, timestamp()
            world.store.save(pull)
            world.store.save(issue)
            payload = {"action": "synchronize", "number": issue.number, "before": old, "after": new}
            shown = pull_shapes.full_pull(world, repository, issue, pull)
            deliveries.emit(
                world, "pull_request", {**payload, "pull_request": shown}, sender=pusher, repository=repository
            )
