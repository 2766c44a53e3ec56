"""The root fields of a mutation. Each takes the schema's input in snake case and returns the fields of its payload."""

import base64
import binascii
from typing import Any, TypeVar

from deploy.sandbox.github import boards, pushes
from deploy.sandbox.github.callers import Need
from deploy.sandbox.github.git import ZERO, Person
from deploy.sandbox.github.graph.eyes import Eyes
from deploy.sandbox.github.graph.git_nodes import CommitNode, RefNode
from deploy.sandbox.github.problems import GraphProblem, Problem, unresolved_node
from deploy.sandbox.github.records import (
    SINGLE_SELECT,
    Account,
    Field,
    Issue,
    Item,
    Project,
    Record,
    Repository,
    number_of,
)
from deploy.sandbox.github.world import timestamp

R = TypeVar("R", bound=Record)
Input = dict[str, Any]
Payload = dict[str, Any]
CUSTOM = frozenset({"TEXT", "NUMBER", "DATE", SINGLE_SELECT})
VALUE_OF = {"TEXT": "text", "NUMBER": "number", "DATE": "date", SINGLE_SELECT: "single_select_option_id"}
LONGEST_TEXT = 1_024


def unprocessable(message: str) -> GraphProblem:
    """Return the error for an input that is well-formed and yet wrong."""
    return GraphProblem("UNPROCESSABLE", message)


class Mutation:
    """What a mutation starts from."""

    def __init__(self, eyes: Eyes) -> None:
        self.eyes, self.world = eyes, eyes.world

    @property
    def _login(self) -> str:
        return self.eyes.caller.login

    def _get(self, kind: type[R], node: str) -> R:
        found = self.world.store.get(kind, number_of(node))
        if found is None or found.node_id != node:
            raise unresolved_node(node)
        return found

    def _project(self, node: str, field: str) -> Project:
        found = self._get(Project, node)
        self.eyes.need_board_rights(boards.owner_of(self.world, found), field, write=True)
        return found

    def _item(self, given: Input, field: str) -> Item:
        project = self._project(given["project_id"], field)
        item = self._get(Item, given["item_id"])
        if item.project_id != project.id:
            raise GraphProblem("NOT_FOUND", "The item does not exist in the project")
        return item

    def create_project_v2(self, given: Input) -> Payload:
        """Make a board, linked to a repository if one is named."""
        owner = self._get(Account, given["owner_id"])
        self.eyes.need_board_rights(owner, "createProjectV2", write=True)
        if not given["title"].strip():
            raise unprocessable("Title can't be blank")
        linked = []
        if given.get("repository_id"):
            repository = self._get(Repository, given["repository_id"])
            if not self.eyes.sees(repository):
                raise unresolved_node(given["repository_id"])
            if repository.owner != owner.login:
                raise unprocessable("The repository must belong to the same owner as the project.")
            linked = [repository.id]
        project = boards.create(self.world, owner, given["title"], self._login, linked)
        return {"project_v2": self.eyes.node(project)}

    def update_project_v2(self, given: Input) -> Payload:
        """Change a board's texts, or close it."""
        project = self._project(given["project_id"], "updateProjectV2")
        for name in ("title", "short_description", "readme", "public", "closed"):
            if given.get(name) is not None:
                setattr(project, name, given[name])
        project.updated_at = timestamp()
        project.closed_at = project.updated_at if project.closed else None
        self.world.store.save(project)
        return {"project_v2": self.eyes.node(project)}

    def delete_project_v2(self, given: Input) -> Payload:
        """Delete a board with its fields and cards."""
        project = self._project(given["project_id"], "deleteProjectV2")
        for record in (*boards.items(self.world, project), *boards.fields(self.world, project), project):
            self.world.store.remove(record)
        return {"project_v2": self.eyes.node(project)}

    def create_project_v2_field(self, given: Input) -> Payload:
        """Add a field to a board."""
        project = self._project(given["project_id"], "createProjectV2Field")
        kind, name = given["data_type"], given["name"]
        if not name.strip():
            raise unprocessable("Name can't be blank")
        if boards.field(self.world, project, name):
            raise unprocessable("Name has already been taken")
        if kind not in CUSTOM:
            raise unprocessable(f"{kind} fields cannot be made in this sandbox")
        wanted = given.get("single_select_options") or []
        if kind == SINGLE_SELECT and not wanted:
            raise unprocessable("Single select fields require at least one option")
        now = timestamp()
        record = Field(project_id=project.id, name=name, data_type=kind, created_at=now, updated_at=now)
        self.world.store.add(record)
        record.options = boards.new_options(record, _distinct(wanted))
        self.world.store.save(record)
        return {"project_v2_field": self.eyes.node(record)}

    def _field(self, node: str, name: str) -> Field:
        record = self._get(Field, node)
        project = self.world.store.get(Project, record.project_id)
        if project is None:
            raise unresolved_node(node)
        self.eyes.need_board_rights(boards.owner_of(self.world, project), name, write=True)
        return record

    def update_project_v2_field(self, given: Input) -> Payload:
        """Change a field's name, or replace its options."""
        record = self._field(given["field_id"], "updateProjectV2Field")
        wanted = given.get("single_select_options") or []
        if wanted and record.data_type != SINGLE_SELECT:
            raise unprocessable("The field is not a single select field")
        if given.get("name"):
            record.name, record.updated_at = given["name"], timestamp()
            self.world.store.save(record)
        if wanted:
            boards.set_options(self.world, record, _distinct(wanted))
        return {"project_v2_field": self.eyes.node(record)}

    def delete_project_v2_field(self, given: Input) -> Payload:
        """Delete a field that somebody added."""
        record = self._field(given["field_id"], "deleteProjectV2Field")
        if boards.BUILT_IN.get(record.name) == record.data_type:
            raise unprocessable("System fields cannot be deleted")
        self.world.store.remove(record)
        return {"project_v2_field": self.eyes.node(record)}

    def link_project_v2_to_repository(self, given: Input) -> Payload:
        """Link a board to a repository."""
        return {"repository": self._linked(given, "linkProjectV2ToRepository", link=True)}

    def unlink_project_v2_from_repository(self, given: Input) -> Payload:
        """Take the link away."""
        return {"repository": self._linked(given, "unlinkProjectV2FromRepository", link=False)}

    def _linked(self, given: Input, name: str, *, link: bool) -> Any:  # noqa: ANN401 - a repository
        project = self._project(given["project_id"], name)
        repository = self._get(Repository, given["repository_id"])
        if repository.owner != boards.owner_of(self.world, project).login:
            raise unprocessable("The repository must belong to the same owner as the project.")
        others = [each for each in project.repositories if each != repository.id]
        project.repositories = [*others, repository.id] if link else others
        self.world.store.save(project)
        return self.eyes.node(repository)

    def add_project_v2_item_by_id(self, given: Input) -> Payload:
        """Put an issue or pull request on a board; once, however often it is asked."""
        project = self._project(given["project_id"], "addProjectV2ItemById")
        content = self._get(Issue, given["content_id"])
        if not self.eyes.sees(self.world.by_id(content.repository_id)):
            raise unresolved_node(given["content_id"])
        return {"item": self.eyes.node(boards.add_item(self.world, project, content, self._login))}

    def add_project_v2_draft_issue(self, given: Input) -> Payload:
        """Put a draft on a board."""
        project = self._project(given["project_id"], "addProjectV2DraftIssue")
        item = boards.add_item(
            self.world, project, None, self._login, title=given["title"], body=given.get("body") or ""
        )
        return {"project_item": self.eyes.node(item)}

    def update_project_v2_item_field_value(self, given: Input) -> Payload:
        """Give a card a value; a new Status moves it to another column."""
        item = self._item(given, "updateProjectV2ItemFieldValue")
        record = self._get(Field, given["field_id"])
        if record.project_id != item.project_id:
            raise GraphProblem("NOT_FOUND", "The field does not exist in the project")
        name = VALUE_OF.get(record.data_type)
        value = (given["value"] or {}).get(name) if name else None
        if name is None or value is None:
            raise GraphProblem(
                "VALIDATION",
                f"Did not receive a {name or 'settable'} value to update a field of type {record.data_type.lower()}",
            )
        if record.data_type == SINGLE_SELECT and value not in {each.id for each in record.options}:
            raise GraphProblem("VALIDATION", "The single select option Id does not belong to the field")
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise GraphProblem("VALIDATION", f"Text is too long (maximum is {LONGEST_TEXT} characters)")
        if item.values.get(str(record.id)) != value:
            boards.set_value(self.world, item, record, value, self._login)
        return {"project_v2_item": self.eyes.node(item)}

    def clear_project_v2_item_field_value(self, given: Input) -> Payload:
        """Take a card's value away."""
        item = self._item(given, "clearProjectV2ItemFieldValue")
        boards.set_value(self.world, item, self._get(Field, given["field_id"]), None, self._login)
        return {"project_v2_item": self.eyes.node(item)}

    def delete_project_v2_item(self, given: Input) -> Payload:
        """Take a card off its board."""
        item = self._item(given, "deleteProjectV2Item")
        boards.remove_item(self.world, item, self._login)
        return {"deleted_item_id": item.node_id}

    def archive_project_v2_item(self, given: Input) -> Payload:
        """Put a card away."""
        item = self._item(given, "archiveProjectV2Item")
        boards.archive(self.world, item, self._login, archived=True)
        return {"item": self.eyes.node(item)}

    def unarchive_project_v2_item(self, given: Input) -> Payload:
        """Bring a card back."""
        item = self._item(given, "unarchiveProjectV2Item")
        boards.archive(self.world, item, self._login, archived=False)
        return {"item": self.eyes.node(item)}

    def create_commit_on_branch(self, given: Input) -> Payload:
        """Commit files to a branch, if its head is still the expected one."""
        repository, branch = self._branch(given["branch"])
        git, name = self.world.git, repository.full_name
        head = git.branch(name, branch)
        if head is None:
            raise GraphProblem("NOT_FOUND", f"Could not resolve to a Ref with the name '{branch}'.")
        if head != given["expected_head_oid"]:
            expected = given["expected_head_oid"]
            raise GraphProblem(
                "STALE_DATA", f'Expected branch to point to "{expected}" but it did not. Pull and try again.'
            )
        if branch in repository.protected:
            raise GraphProblem("FORBIDDEN", "Changes must be made through a pull request.")
        additions, deletions = _changes(given.get("file_changes") or {})
        for path in deletions:
            if not git.entries(name, head, path):
                raise unprocessable(f"A path was requested for deletion which does not exist as of commit oid `{head}`")
        words = given["message"]
        message = "\n\n".join(filter(None, (words["headline"], words.get("body"))))
        author = Person(name=self._login, email=self.world.email(self._login))
        sha = git.commit_files(name, head, message, author, additions=additions, deletions=deletions)
        ref = f"refs/heads/{branch}"
        git.set_ref(name, ref, sha, head)
        pushes.ref_moved(self.world, repository, ref, (head or ZERO, sha), self._login)
        node = self.eyes.node(repository)
        return {"commit": CommitNode(node, sha), "ref": RefNode(node, ref, sha)}

    def _branch(self, given: Input) -> tuple[Repository, str]:
        full_name, branch = given.get("repository_name_with_owner"), given.get("branch_name")
        if given.get("id"):
            try:
                number, _, ref = (
                    base64.urlsafe_b64decode(given["id"].removeprefix("REF_") + "==").decode().partition(":")
                )
                full_name = self.world.by_id(int(number)).full_name
            except (ValueError, Problem):
                raise unresolved_node(given["id"]) from None
            branch = ref.removeprefix("refs/heads/")
        if not full_name or not branch or "/" not in full_name:
            raise GraphProblem("INVALID", "A branch is given by its id, or by repositoryNameWithOwner and branchName.")
        need = Need(role="push", permission="contents", write=True, hidden=False)
        owner, _, name = full_name.partition("/")
        try:
            found = self.world.repository(self.eyes.caller, owner, name, need)
        except Problem as problem:
            seen = problem.status != 404  # noqa: PLR2004 - not found
            words = problem.message if seen else f"Could not resolve to a Repository with the name '{full_name}'."
            raise GraphProblem("FORBIDDEN" if seen else "NOT_FOUND", words) from None
        return found, branch.removeprefix("refs/heads/")


def _distinct(wanted: list[Input]) -> list[Input]:
    names = [each["name"].lower() for each in wanted]
    if any(not name.strip() for name in names):
        raise unprocessable("Option name can't be blank")
    if len(set(names)) < len(names):
        raise unprocessable("Option names must be unique")
    return wanted


def _changes(given: Input) -> tuple[dict[str, bytes], list[str]]:
    try:
        additions = {
            each["path"]: base64.b64decode(each["contents"], validate=True) for each in given.get("additions") or []
        }
    except binascii.Error:
        raise unprocessable("The contents of an addition are not valid Base64") from None
    deletions = [each["path"] for each in given.get("deletions") or []]
    for path in (*additions, *deletions):
        if any(part in ("", ".", "..", ".git") for part in path.split("/")):
            raise unprocessable(f"path contains a malformed path component: {path}")
    if both := set(additions) & set(deletions):
        raise unprocessable(f"A path was requested for both addition and deletion: {min(both)}")
    return additions, deletions
