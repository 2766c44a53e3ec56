"""What people ask for is checked once, at the border, and explained field by field."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from apps.onboarding.serializers import ask_from, explain
from apps.onboarding.words import AuthMethod, ExecutionMode, Resources


def test_owner_and_name_are_enough() -> None:
    ask = ask_from({"repo_owner": "octo-org", "repo_name": "bookmarks"})
    assert ask.repository.full_name == "octo-org/bookmarks"
    assert ask.display_name == "bookmarks"
    assert ask.execution_mode is ExecutionMode.ENVBUILDER
    assert ask.auth_method is AuthMethod.LOGIN
    assert ask.resource_limits == Resources()
    assert ask.litellm.team_alias == "octo-org/bookmarks"
    assert ask.litellm.max_budget == Decimal("50.00")


@pytest.mark.parametrize(
    "text",
    [
        "octo-org/bookmarks",
        "https://github.com/octo-org/bookmarks",
        "https://github.com/octo-org/bookmarks.git",
        "git@github.com:octo-org/bookmarks.git",
        "ssh://git@github.com/octo-org/bookmarks",
        "  octo-org/bookmarks/ ",
    ],
)
def test_a_repository_can_be_named_in_many_ways(text: str) -> None:
    assert ask_from({"repository": text}).repository.full_name == "octo-org/bookmarks"


def test_partial_resources_merge_with_the_defaults_field_by_field() -> None:
    ask = ask_from({"repository": "o/r", "resource_limits": {"cpu_limit": "8"}})
    assert ask.resource_limits == Resources(cpu_limit="8")


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "repo_owner"),
    ({"repo_owner": "octo-org"}, "repo_name"),
    ({"repo_owner": "-bad", "repo_name": "x"}, "repo_owner"),
    ({"repo_owner": "a--b", "repo_name": "x"}, "repo_owner"),
    ({"repo_owner": "a" * 40, "repo_name": "x"}, "repo_owner"),
    ({"repository": "https://gitlab.example.org/o/r"}, "repository"),
    ({"repo_owner": "o", "repo_name": ".."}, "repo_name"),
    ({"repo_owner": "o", "repo_name": "a b"}, "repo_name"),
    ({"repo_owner": "o", "repo_name": "x" * 101}, "repo_name"),
    ({"repository": "just-a-word"}, "repository"),
    ({"repository": "o/r/x"}, "repository"),
    ({"repository": "o/r", "display_name": "x" * 101}, "display_name"),
    ({"repository": "o/r", "default_branch": "a..b"}, "default_branch"),
    ({"repository": "o/r", "default_branch": "a b"}, "default_branch"),
    ({"repository": "o/r", "execution_mode": "cloud"}, "execution_mode"),
    ({"repository": "o/r", "auth_method": "magic"}, "auth_method"),
    ({"repository": "o/r", "skip_auth": "perhaps"}, "skip_auth"),
    ({"repository": "o/r", "resource_limits": {"cpu_limit": "many"}}, "resource_limits.cpu_limit"),
    ({"repository": "o/r", "resource_limits": {"cpu_limit": "-1"}}, "resource_limits.cpu_limit"),
    ({"repository": "o/r", "resource_limits": {"memory_request": "16Gi"}}, "resource_limits.memory_request"),
    ({"repository": "o/r", "resource_limits": {"gpu": "1"}}, "resource_limits.gpu"),
    ({"repository": "o/r", "litellm": {"max_budget": "0"}}, "litellm.max_budget"),
    ({"repository": "o/r", "litellm": {"max_budget": "lots"}}, "litellm.max_budget"),
    ({"repository": "o/r", "settings": {"terminal_streaming_rate_ms": 49}}, "settings.terminal_streaming_rate_ms"),
    ({"repository": "o/r", "settings": {"cloudflare_domain": "https://x"}}, "settings.cloudflare_domain"),
    ({"repository": "o/r", "repo_nam": "x"}, "repo_nam"),
]


@pytest.mark.parametrize(("given", "field"), BAD)
def test_a_bad_field_is_named_and_explained(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ask_from(given)
    assert f"{field}: " in explain(caught.value.detail)


def test_all_bad_fields_are_explained_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        ask_from({"repository": "o/r", "execution_mode": "x", "auth_method": "y"})
    assert set(caught.value.detail) == {"execution_mode", "auth_method"}
