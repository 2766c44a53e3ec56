"""Derived names: valid where they are used, and different for different repositories, whatever somebody calls them."""

import re
import string

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from meshsix.kit import names
from meshsix.kit.names import BadName, RepositoryName, repository

RFC_1123 = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
OWNER_LETTERS = string.ascii_letters + string.digits + "-"
NAME_LETTERS = string.ascii_letters + string.digits + "-._"


def acceptable(pair: tuple[str, str]) -> RepositoryName | None:
    try:
        return repository(*pair)
    except BadName:
        return None


def repositories(*, letters: str = NAME_LETTERS, most: int = 100) -> st.SearchStrategy[RepositoryName]:
    """Names that GitHub accepts."""
    owners = st.text(OWNER_LETTERS, min_size=1, max_size=39)
    pairs = st.tuples(owners, st.text(letters, min_size=1, max_size=most))
    return (
        pairs.map(acceptable).filter(lambda found: found is not None).map(lambda found: found or repository("a", "b"))
    )


def short_repositories() -> st.SearchStrategy[RepositoryName]:
    """Names of few letters, among which pairs that look alike are likely."""
    owners = st.from_regex(r"[ab](-?[ab]){0,2}", fullmatch=True)
    return st.tuples(owners, st.from_regex(r"[ab._-]{1,4}", fullmatch=True)).map(acceptable).filter(bool)  # type: ignore[return-value] # `filter` does not narrow


@given(repositories())
@settings(max_examples=500)
def test_an_environments_name_is_fit_for_kubernetes(repo: RepositoryName) -> None:
    name = names.env_name(repo)
    assert RFC_1123.fullmatch(name)
    assert name.startswith("env-")
    assert len(name) <= 52
    assert len(f"{name}-0123456789") <= 63, "the label controller-revision-hash"


@given(repositories())
@settings(max_examples=500)
def test_a_label_is_fit_for_kubernetes(repo: RepositoryName) -> None:
    assert LABEL_VALUE.fullmatch(names.project_label(repo))


@given(short_repositories(), short_repositories())
@settings(max_examples=500)
@example(repository("a-b", "c"), repository("a", "b-c"))
@example(repository("a", "b"), repository("a", "b-"))
@example(repository("a", "b.c"), repository("a", "b-c"))
@example(repository("a", "b.c"), repository("a", "b_c"))
@example(repository("a", "..."), repository("a", "...."))
def test_different_repositories_have_different_names(one: RepositoryName, other: RepositoryName) -> None:
    assume(names.project_key(one) != names.project_key(other))
    for derived in (names.env_name, names.project_label, names.webhook_path, names.storage_prefix, names.queue,
                    names.litellm_team_id, names.litellm_key_alias, names.run_key):  # fmt: skip
        assert derived(one) != derived(other), derived.__name__


@given(repositories(letters="._"), st.sampled_from(["", "x"]))
@example(repository("a", "..."), "")
@example(repository("a" * 39, "b" * 100), "")
def test_no_repository_can_be_called_so_that_it_gets_anothers_name(victim: RepositoryName, tail: str) -> None:
    taken = names.env_name(RepositoryName(owner=victim.owner, name=f"{victim.name[:99]}{tail}"))
    owner, _, rest = taken.removeprefix("env-").rpartition("-")
    attacker = acceptable((owner, rest))
    assert attacker is None or names.env_name(attacker) != taken


@given(repositories(most=99).map(lambda repo: RepositoryName(owner=repo.owner, name=f"{repo.name}-")))
def test_no_repository_can_be_called_so_that_it_gets_anothers_label(victim: RepositoryName) -> None:
    owner, _, rest = names.project_label(victim).partition(".")
    attacker = acceptable((owner, rest)) if rest else None
    assume(attacker is not None and names.project_key(attacker) != names.project_key(victim))
    assert attacker is not None
    assert names.project_label(attacker) != names.project_label(victim)


@given(repositories())
def test_case_is_no_difference_since_github_makes_none(repo: RepositoryName) -> None:
    shouted = RepositoryName(owner=repo.owner.upper(), name=repo.name.upper())
    assert names.env_name(shouted) == names.env_name(repo)
    assert names.run_key(shouted) == names.run_key(repo)
    assert names.project_key(shouted) == names.project_key(repo)


def test_a_plain_name_stays_readable() -> None:
    assert names.env_name(repository("acme", "app")) == "env-acme-app"
    assert names.project_label(repository("octo-org", "bookmarks")) == "octo-org.bookmarks"


@pytest.mark.parametrize("name", ["deadbeef", "01234567"])
def test_a_name_that_looks_like_a_hash_gets_one(name: str) -> None:
    assert re.fullmatch(rf"env-acme-{name}-[0-9a-f]{{8}}", names.env_name(repository("acme", name)))


def test_the_shared_host_is_no_projects_name() -> None:
    assert names.env_name(repository("shared", "shared")) != "shared"


@pytest.mark.parametrize(
    ("owner", "name"),
    [("octo-org", "bookmarks"), ("A-B", "My.Repo_x"), ("a", "..."), ("a", "-"), ("a", ".github"), ("mona_octo", "r"),
     ("0", "0"), ("a" * 39, "b" * 100)],
)  # fmt: skip
def test_what_github_accepts_is_accepted(owner: str, name: str) -> None:
    assert repository(owner, name).full_name == f"{owner}/{name}"


@pytest.mark.parametrize(
    ("owner", "name"),
    [("", "r"), ("-a", "r"), ("a-", "r"), ("a--b", "r"), ("a_", "r"), ("a" * 40, "r"), ("ä", "r"), ("a.b", "r"),
     ("a/b", "r"), ("o", ""), ("o", "."), ("o", ".."), ("o", "a.git"), ("o", "A.GIT"), ("o", "b" * 101), ("o", "a b"),
     ("o", "a\n"), ("o\n", "a"), ("o", "é"), ("o", "\N{ARABIC-INDIC DIGIT ONE}"), ("o", "a\x00")],
)  # fmt: skip
def test_what_github_refuses_is_refused_with_a_reason(owner: str, name: str) -> None:
    with pytest.raises(BadName, match="is not a"):
        repository(owner, name)


@pytest.mark.parametrize(
    "text",
    ["o/r", " o/r ", "o/r/", "https://github.com/o/r", "https://github.com/o/r.git", "https://u:p@github.com/o/r?x=1#y",
     "ssh://git@github.com/o/r.git", "git@github.com:o/r.git", "git@github.com:o/r"],
)  # fmt: skip
def test_a_repository_is_read_from_every_usual_form(text: str) -> None:
    assert names.parse_repository(text).full_name == "o/r"


@pytest.mark.parametrize("address", ["https://%s/o/r", "git@%s:o/r.git", "ssh://git@%s:22/o/r"])
def test_addresses_at_another_host_are_refused_where_one_is_given(address: str) -> None:
    for host in ("github.com", "GitHub.com", "www.github.com", "ssh.github.com"):
        assert names.parse_repository(address % host, host="github.com").full_name == "o/r"
    for host in ("gitlab.example.org", "github.com.example.org", "notgithub.com"):
        with pytest.raises(BadName, match=r"from github\.com"):
            names.parse_repository(address % host, host="github.com")
    assert names.parse_repository("o/r", host="github.com").full_name == "o/r"


@pytest.mark.parametrize(
    "text", ["", "o", "o/r/x", "https://github.com/o", "https://[::1/o/r", "//", "git@github.com:o", "o//r", "../.."]
)
def test_what_names_no_repository_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        names.parse_repository(text)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        found = names.parse_repository(text)
    except BadName:
        return
    assert repository(found.owner, found.name) == found


def test_paths_in_vault_hold_owner_and_name_apart() -> None:
    one, other = repository("a-b", "c"), repository("a", "b-c")
    assert names.webhook_path(one) != names.webhook_path(other)
    assert names.legacy_webhook_path(one) == names.legacy_webhook_path(other), "which is why it is legacy"
    assert names.credential_path("p", "c", "access") == "mesh-six/credentials/p/c/access"
