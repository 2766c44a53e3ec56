"""Repositories that change their name or their owner, or go: what stays, what follows, and who hears of it."""

import shutil
from typing import Any

from deploy.sandbox.github import deliveries, shapes
from deploy.sandbox.github.records import Account, Delivery, Hook, Issue, Item, Label, Project, Pull, Repository
from deploy.sandbox.github.world import World

Json = dict[str, Any]


def rename(world: World, record: Repository, name: str, actor: str) -> None:
    """Give a repository another name; the former one redirects from now on."""
    old = record.name
    _move(world, record, record.owner, name)
    changes = {"repository": {"name": {"from": old}}}
    _tell(world, record, "renamed", actor, changes=changes)


def transfer(world: World, record: Repository, owner: Account, name: str, actor: str) -> None:
    """Give a repository to another owner. Its hooks go with it, the boards of the former owner let go of it."""
    old = world.known(record.owner)
    for project in world.store.all(Project, lambda each: record.id in each.repositories):
        project.repositories = [each for each in project.repositories if each != record.id]
        world.store.save(project)
    _move(world, record, owner.login, name)
    kind = "organization" if old.kind == "Organization" else "user"
    shown = shapes.short_organization(world, old) if kind == "organization" else shapes.user(world, old.login)
    _tell(world, record, "transferred", actor, changes={"owner": {"from": {kind: shown}}})


def delete(world: World, record: Repository, actor: str | None) -> None:
    """Delete a repository with all that belongs to it, cards included. `actor` None: nobody hears of it."""
    if actor is not None:
        _tell(world, record, "deleted", actor)
    issues = list(world.store.all(Issue, lambda each: each.repository_id == record.id))
    numbers = {each.id for each in issues}
    for project in world.store.all(Project, lambda each: record.id in each.repositories):
        project.repositories = [each for each in project.repositories if each != record.id]
        world.store.save(project)
    for gone in (
        *world.store.all(Item, lambda each: each.content_id in numbers),
        *world.store.all(Pull, lambda each: each.issue_id in numbers),
        *world.store.all(Label, lambda each: each.repository_id == record.id),
        *_hooks_and_deliveries(world, record),
        *issues,
        record,
    ):
        world.store.remove(gone)
    shutil.rmtree(world.git.path(record.full_name), ignore_errors=True)


def _hooks_and_deliveries(world: World, record: Repository) -> list[Hook | Delivery]:
    ours = ("repository", record.id)
    hooks = list(world.store.all(Hook, lambda each: (each.target, each.target_id) == ours))
    numbers = {each.id for each in hooks}
    return [*world.store.all(Delivery, lambda each: each.hook_id in numbers), *hooks]


def _move(world: World, record: Repository, owner: str, name: str) -> None:
    before = world.git.path(record.full_name)
    former = {*record.former, record.full_name.lower()} - {f"{owner}/{name}".lower()}
    record.former, record.owner, record.name = sorted(former), owner, name
    after = world.git.path(record.full_name)
    after.parent.mkdir(parents=True, exist_ok=True)
    before.rename(after)
    world.touch(record)


def _tell(world: World, record: Repository, action: str, actor: str, **more: Json) -> None:
    deliveries.emit(world, "repository", {"action": action, **more}, sender=actor, repository=record)
