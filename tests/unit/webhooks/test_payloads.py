"""Fields of a payload are read, or named as malformed; nothing else is raised."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.webhooks import messages
from apps.webhooks.payloads import Fields, Malformed, clean

names = st.sampled_from(
    ["issue", "number", "user", "login", "labels", "name", "id", "head", "sha", "updated_at", "owner"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)
READERS = (
    messages.RepositoryMessage.parse,
    messages.IssueMessage.parse,
    messages.CommentMessage.parse,
    messages.PullRequestMessage.parse,
    messages.ReviewMessage.parse,
    messages.ChecksMessage.suite,
    messages.ChecksMessage.run,
    messages.PushMessage.parse,
    messages.CardMessage.parse,
    messages.GoneHookMessage.parse,
    messages.sender,
    messages.former_name,
    messages.former_owner,
    messages.changed_fields,
    messages.label,
    messages.assignee,
)


def test_what_postgresql_cannot_hold_is_replaced() -> None:
    assert clean("a\0b\ud800c", most=4) == "a\ufffdb\ufffd"


@pytest.mark.parametrize("read", READERS)
@given(
    data=st.dictionaries(
        st.sampled_from(
            [
                "issue",
                "comment",
                "pull_request",
                "review",
                "check_suite",
                "workflow_run",
                "ref",
                "after",
                "projects_v2_item",
                "hook_id",
                "sender",
                "changes",
                "label",
                "assignee",
                "repository",
            ]
        ),
        values,
    )
)
def test_a_payload_of_any_shape_is_read_or_malformed(read: Any, data: dict[str, Any]) -> None:  # noqa: ANN401 - each reader gives its own
    with suppress(Malformed):
        read(Fields(data=data))
