"""What a run made, as links."""

from apps.onboarding.links import links


def test_links_follow_the_outputs_and_leave_out_what_is_not_there() -> None:
    made = links(
        {
            "validate_repo": {"html_url": "https://git.example.org/octo-org/bookmarks"},
            "create_project_board": {"url": "https://git.example.org/orgs/octo-org/projects/1"},
            "register_webhook": {"settings_url": ""},
            "configure_litellm": {"team_id": "mesh-six-env-x"},
        }
    )
    assert [(link.kind, link.title) for link in made] == [
        ("repository", "Repository"),
        ("board", "Board"),
        ("team", "Model team mesh-six-env-x"),
    ]


def test_a_run_that_made_nothing_has_no_links() -> None:
    assert links({}) == ()
