"""The sandbox's GraphQL behaves as GitHub's: boards, fields, options, cards, commits, and errors with their types.

Each document here is checked against GitHub's whole published schema before it is sent.
"""

import base64
from typing import Any

import pytest

from tests.contract.sandbox_github.callers import FINE, READER, SCOPELESS, Client, Sandbox

Json = dict[str, Any]
REPO = "/repos/octo-org/bookmarks"
CREATE = """mutation($owner: ID!, $repository: ID, $title: String!) {
  createProjectV2(input: {ownerId: $owner, repositoryId: $repository, title: $title}) {
    projectV2 { id number url title } } }"""
FIELDS = """query($id: ID!) { node(id: $id) { ... on ProjectV2 {
  shortDescription readme closed repositories(first: 10) { nodes { nameWithOwner } }
  fields(first: 50) { nodes { __typename
    ... on ProjectV2FieldCommon { id name dataType }
    ... on ProjectV2SingleSelectField { options { id name color description } } } } } } }"""
SET_OPTIONS = """mutation($field: ID!, $options: [ProjectV2SingleSelectFieldOptionInput!]!) {
  updateProjectV2Field(input: {fieldId: $field, singleSelectOptions: $options}) {
    projectV2Field { ... on ProjectV2SingleSelectField { options { id name } } } } }"""
ADD = """mutation($project: ID!, $content: ID!) {
  addProjectV2ItemById(input: {projectId: $project, contentId: $content}) { item { id } } }"""
MOVE = """mutation($project: ID!, $item: ID!, $field: ID!, $value: ProjectV2FieldValue!) {
  updateProjectV2ItemFieldValue(input: {projectId: $project, itemId: $item, fieldId: $field, value: $value}) {
    projectV2Item { id } } }"""
ITEMS = """query($id: ID!, $after: String) { node(id: $id) { ... on ProjectV2 { items(first: 2, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { id type isArchived content { ... on Issue { number title } ... on DraftIssue { title } }
    status: fieldValueByName(name: "Status") { ... on ProjectV2ItemFieldSingleSelectValue { name optionId } }
    note: fieldValueByName(name: "Note") { ... on ProjectV2ItemFieldTextValue { text } } } } } } }"""
COMMIT = """mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid message } } }"""


def node(octo: Client, path: str) -> str:
    return str(octo.get(path).json()["node_id"])


@pytest.fixture
def board(octo: Client) -> Json:
    owner, repository = node(octo, "/orgs/octo-org"), node(octo, REPO)
    made: Json = octo.ok(CREATE, owner=owner, repository=repository, title="Bookmarks")["createProjectV2"]["projectV2"]
    return made


def fields(octo: Client, board: Json) -> dict[str, Json]:
    return {each["name"]: each for each in octo.ok(FIELDS, id=board["id"])["node"]["fields"]["nodes"]}


def failure(answer: Json) -> tuple[str, str]:
    assert answer["data"] is None or None in answer["data"].values()
    return answer["errors"][0]["type"], answer["errors"][0]["message"]


def test_new_board_has_githubs_default_fields_and_is_linked(octo: Client, board: Json) -> None:
    found = fields(octo, board)
    assert [each["name"] for each in found["Status"]["options"]] == ["Todo", "In Progress", "Done"]
    assert found["Title"]["dataType"] == "TITLE"
    linked = """{ repository(owner: "octo-org", name: "bookmarks") { projectsV2(first: 5) { nodes { id number } } } }"""
    assert octo.ok(linked)["repository"]["projectsV2"]["nodes"] == [{"id": board["id"], "number": 1}]
    page = octo.get(board["url"], headers={"accept": "text/html raw"})
    assert "In Progress" in page.text


def test_board_texts_change_and_board_closes(octo: Client, board: Json) -> None:
    document = """mutation($id: ID!) { updateProjectV2(input: {
      projectId: $id, shortDescription: "short", readme: "long", closed: true}) { projectV2 { closed closedAt } } }"""
    assert octo.ok(document, id=board["id"])["updateProjectV2"]["projectV2"]["closed"] is True
    shown = octo.ok(FIELDS, id=board["id"])["node"]
    assert (shown["shortDescription"], shown["readme"], shown["closed"]) == ("short", "long", True)


def test_link_and_unlink(octo: Client, board: Json) -> None:
    document = """mutation($p: ID!, $r: ID!) {{
      {name}(input: {{projectId: $p, repositoryId: $r}}) {{ repository {{ id }} }} }}"""
    other = node(octo, "/repos/octo-org/platform")
    octo.ok(document.format(name="linkProjectV2ToRepository"), p=board["id"], r=other)
    octo.ok(document.format(name="linkProjectV2ToRepository"), p=board["id"], r=other)
    names = [each["nameWithOwner"] for each in octo.ok(FIELDS, id=board["id"])["node"]["repositories"]["nodes"]]
    assert names == ["octo-org/bookmarks", "octo-org/platform"]
    octo.ok(document.format(name="unlinkProjectV2FromRepository"), p=board["id"], r=other)
    assert len(octo.ok(FIELDS, id=board["id"])["node"]["repositories"]["nodes"]) == 1


def test_fields_are_added_once(octo: Client, board: Json) -> None:
    document = """mutation($id: ID!, $name: String!, $type: ProjectV2CustomFieldType!,
      $options: [ProjectV2SingleSelectFieldOptionInput!]) {
      createProjectV2Field(input: {projectId: $id, name: $name, dataType: $type, singleSelectOptions: $options}) {
        projectV2Field { ... on ProjectV2FieldCommon { id name } } } }"""
    octo.ok(document, id=board["id"], name="Pod Name", type="TEXT")
    assert failure(octo.graphql(document, id=board["id"], name="pod name", type="TEXT")) == (
        "UNPROCESSABLE",
        "Name has already been taken",
    )
    options = [{"name": "High", "color": "RED", "description": ""}, {"name": "Low", "color": "GRAY", "description": ""}]
    octo.ok(document, id=board["id"], name="Priority", type="SINGLE_SELECT", options=options)
    assert failure(octo.graphql(document, id=board["id"], name="Empty", type="SINGLE_SELECT"))[0] == "UNPROCESSABLE"
    found = fields(octo, board)
    assert [each["name"] for each in found["Priority"]["options"]] == ["High", "Low"]
    assert len({each["id"] for each in found["Priority"]["options"]}) == 2


def card(octo: Client, board: Json, status: str) -> str:
    issue = node(octo, f"{REPO}/issues/1")
    item = octo.ok(ADD, project=board["id"], content=issue)["addProjectV2ItemById"]["item"]["id"]
    field = fields(octo, board)["Status"]
    option = next(each["id"] for each in field["options"] if each["name"] == status)
    octo.ok(MOVE, project=board["id"], item=item, field=field["id"], value={"singleSelectOptionId": option})
    return str(item)


def status_of(octo: Client, board: Json) -> str | None:
    found = octo.ok(ITEMS, id=board["id"])["node"]["items"]["nodes"][0]["status"]
    return found["name"] if found else None


def test_card_is_added_once_moves_and_leaves(octo: Client, board: Json) -> None:
    item = card(octo, board, "In Progress")
    assert card(octo, board, "Done") == item
    assert status_of(octo, board) == "Done"
    field = fields(octo, board)["Status"]["id"]
    wrong = octo.graphql(MOVE, project=board["id"], item=item, field=field, value={"singleSelectOptionId": "nope"})
    assert failure(wrong)[0] == "VALIDATION"
    text = octo.graphql(MOVE, project=board["id"], item=item, field=field, value={"text": "Done"})
    assert failure(text)[0] == "VALIDATION"
    document = (
        """mutation($p: ID!, $i: ID!) { deleteProjectV2Item(input: {projectId: $p, itemId: $i}) { deletedItemId } }"""
    )
    assert octo.ok(document, p=board["id"], i=item)["deleteProjectV2Item"]["deletedItemId"] == item
    assert octo.ok(ITEMS, id=board["id"])["node"]["items"]["totalCount"] == 0


def test_options_sent_without_ids_take_the_value_off_every_card(octo: Client, board: Json) -> None:
    card(octo, board, "Todo")
    options = [{"name": name, "color": "GRAY", "description": ""} for name in ("Todo", "QA", "Done")]
    octo.ok(SET_OPTIONS, field=fields(octo, board)["Status"]["id"], options=options)
    assert status_of(octo, board) is None


def test_option_ids_are_refused_unless_the_server_knows_them(octo: Client, board: Json) -> None:
    field = fields(octo, board)["Status"]
    options = [{"id": field["options"][0]["id"], "name": "Todo", "color": "GRAY", "description": ""}]
    answer = octo.post("/graphql", json={"query": SET_OPTIONS, "variables": {"field": field["id"], "options": options}})
    assert "id" in answer.json()["errors"][0]["message"]
    assert status_names(octo, board) == ["Todo", "In Progress", "Done"]


def status_names(octo: Client, board: Json) -> list[str]:
    return [each["name"] for each in fields(octo, board)["Status"]["options"]]


def test_cards_are_paged_and_archived_ones_are_left_out(octo: Client, board: Json) -> None:
    for title in ("One", "Two", "Three"):
        issue = octo.post(f"{REPO}/issues", json={"title": title}).json()["node_id"]
        last = octo.ok(ADD, project=board["id"], content=issue)["addProjectV2ItemById"]["item"]["id"]
    first = octo.ok(ITEMS, id=board["id"])["node"]["items"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    second = octo.ok(ITEMS, id=board["id"], after=first["pageInfo"]["endCursor"])["node"]["items"]
    assert [each["content"]["title"] for each in first["nodes"] + second["nodes"]] == ["One", "Two", "Three"]
    document = """mutation($p: ID!, $i: ID!) {
      archiveProjectV2Item(input: {projectId: $p, itemId: $i}) { item { isArchived } } }"""
    octo.ok(document, p=board["id"], i=last)
    assert octo.ok(ITEMS, id=board["id"])["node"]["items"]["totalCount"] == 2
    endless = """query($id: ID!) { node(id: $id) { ... on ProjectV2 { items { totalCount } } } }"""
    assert octo.graphql(endless, id=board["id"])["errors"][0]["type"] == "MISSING_PAGINATION_BOUNDARIES"


def commit_input(octo: Client, path: str, content: str, head: str | None = None, **changes: Any) -> Json:  # noqa: ANN401 - JSON
    head = head or str(octo.get(f"{REPO}/git/ref/heads/main").json()["object"]["sha"])
    additions = [{"path": path, "contents": base64.b64encode(content.encode()).decode()}]
    return {
        "branch": {"repositoryNameWithOwner": "octo-org/bookmarks", "branchName": "main"},
        "message": {"headline": "Change files", "body": "All at once"},
        "expectedHeadOid": head,
        "fileChanges": {"additions": additions, **changes},
    }


def test_commit_adds_and_deletes_in_one_go_and_refuses_a_moved_head(octo: Client) -> None:
    given = commit_input(octo, "docs/a.md", "hello", deletions=[{"path": "README.md"}])
    made = octo.ok(COMMIT, input=given)["createCommitOnBranch"]["commit"]
    assert made["message"] == "Change files\n\nAll at once"
    assert octo.get(f"{REPO}/git/ref/heads/main").json()["object"]["sha"] == made["oid"]
    assert octo.get(f"{REPO}/contents/README.md").status_code == 404
    assert octo.get(f"{REPO}/contents/docs/a.md").status_code == 200
    kind, words = failure(octo.graphql(COMMIT, input=given))
    assert kind == "STALE_DATA"
    assert words == f'Expected branch to point to "{given["expectedHeadOid"]}" but it did not. Pull and try again.'
    gone = commit_input(octo, "b", "b", deletions=[{"path": "none"}])
    assert failure(octo.graphql(COMMIT, input=gone))[0] == "UNPROCESSABLE"


def test_commit_is_refused_on_protected_archived_and_foreign_ones(sandbox: Sandbox, octo: Client) -> None:
    given = commit_input(octo, "a", "a")
    with sandbox.caller(READER) as reader:
        assert failure(reader.graphql(COMMIT, input=given))[0] == "FORBIDDEN"
    for fact in ({"protected": ["main"]}, {"archived": True}):
        octo.patch("/_sandbox/repositories/octo-org/bookmarks", json={"protected": [], "archived": False, **fact})
        assert failure(octo.graphql(COMMIT, input=given))[0] == "FORBIDDEN"


def test_what_is_not_there_is_not_found(octo: Client) -> None:
    missing = octo.graphql('{ repository(owner: "octo-org", name: "none") { id } }')
    assert failure(missing) == ("NOT_FOUND", "Could not resolve to a Repository with the name 'octo-org/none'.")
    assert missing["errors"][0]["path"] == ["repository"]
    assert failure(octo.graphql('{ node(id: "R_none") { id } }'))[0] == "NOT_FOUND"
    assert failure(octo.graphql('{ organization(login: "octo-user") { id } }'))[0] == "NOT_FOUND"
    assert octo.ok('{ repositoryOwner(login: "nobody") { id } }') == {"repositoryOwner": None}


def test_scopes_and_kinds_of_tokens_decide_about_boards(sandbox: Sandbox, octo: Client, board: Json) -> None:
    user, organization = node(octo, "/users/octo-user"), node(octo, "/orgs/octo-org")
    with sandbox.caller(SCOPELESS) as scopeless:
        kind, words = failure(scopeless.graphql(CREATE, owner=organization, title="No"))
        assert kind == "INSUFFICIENT_SCOPES"
        assert "['project']" in words
    with sandbox.caller(FINE) as fine:
        assert failure(fine.graphql(CREATE, owner=user, title="No")) == (
            "FORBIDDEN",
            "Resource not accessible by personal access token",
        )
        assert fine.ok(CREATE, owner=organization, title="Yes")["createProjectV2"]["projectV2"]["number"] == 2
    assert octo.ok(CREATE, owner=user, title="Mine")["createProjectV2"]["projectV2"]["number"] == 1
    with sandbox.caller(READER) as reader:
        assert failure(reader.graphql(CREATE, owner=organization, title="No"))[0] == "FORBIDDEN"
        assert failure(reader.graphql(FIELDS, id=board["id"]))[0] == "NOT_FOUND"
    with sandbox.caller(None) as stranger:
        assert stranger.post("/graphql", json={"query": "{ viewer { login } }"}).status_code == 403


def test_repository_facts_and_limits(octo: Client) -> None:
    document = """{ viewer { login } rateLimit { cost limit remaining resetAt used }
      repository(owner: "octo-org", name: "bookmarks") { databaseId isArchived viewerPermission viewerCanAdminister
        owner { __typename login id } defaultBranchRef { name prefix target { oid ... on Commit { messageHeadline } } }
        object(expression: "main:README.md") { ... on Blob { text byteSize isBinary } }
        issues(first: 5, states: [OPEN]) {
          nodes { number title labels(first: 5) { nodes { name } } author { login } } } } }"""
    shown = octo.ok(document)
    repository = shown["repository"]
    assert repository["viewerPermission"] == "ADMIN"
    assert repository["owner"]["__typename"] == "Organization"
    assert repository["object"]["text"].startswith("# Bookmarks")
    assert repository["issues"]["nodes"][0]["labels"]["nodes"] == [{"name": "enhancement"}]
    assert shown["rateLimit"]["limit"] == 5_000


def test_document_that_the_schema_refuses_is_an_error_without_data(octo: Client) -> None:
    answer = octo.post("/graphql", json={"query": "{ nonsense }"}).json()
    assert "data" not in answer
    assert "nonsense" in answer["errors"][0]["message"]
