"""Readers of environment variables: a good value is read, a bad one stops the start with its name."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from meshsix import env
from meshsix.env import BadSetting

NAME = "MESHSIX_TEST_SETTING"


@contextmanager
def variable(value: str | None, *, file: str | None = None) -> Iterator[None]:
    """Set the variable, and its file, for the length of the block."""
    given = {name: text for name, text in ((NAME, value), (f"{NAME}_FILE", file)) if text is not None}
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            del os.environ[name]


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (lambda: env.text(NAME), "x", "x"),
        (lambda: env.text(NAME, "d"), None, "d"),
        (lambda: env.text(NAME, ""), "", ""),
        (lambda: env.pairs(NAME), "a=b, c = d=e", {"a": "b", "c": "d=e"}),
        (lambda: env.pairs(NAME), None, {}),
        (lambda: env.number(NAME, 1), "2.5", 2.5),
        (lambda: env.number(NAME, 1), "", 1),
        (lambda: env.whole(NAME, 3), None, 3),
        (lambda: env.whole(NAME, 3), "12", 12),
        (lambda: env.seconds(NAME, 3), "0.5", timedelta(seconds=0.5)),
        (lambda: env.flag(NAME, default=True), None, True),
        (lambda: env.flag(NAME, default=True), "", False),
        (lambda: env.flag(NAME, default=False), "Yes", True),
        (lambda: env.flag(NAME, default=True), "off", False),
        (lambda: env.words(NAME), " a, b,,c ", ["a", "b", "c"]),
        (lambda: env.words(NAME, "x"), None, ["x"]),
        (lambda: env.url(NAME), "https://example.org:8443/base/", "https://example.org:8443/base"),
        (lambda: env.url(NAME, ""), None, ""),
        (lambda: env.secret(NAME), "s", "s"),
        (lambda: env.secret(NAME, ""), None, ""),
    ],
)
def test_a_good_value_is_read(read: Callable[[], object], value: str | None, expected: object) -> None:
    with variable(value):
        assert read() == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.text(NAME), None),
        (lambda: env.text(NAME), ""),
        (lambda: env.secret(NAME), None),
        (lambda: env.secret(NAME), ""),
        (lambda: env.number(NAME, 1), "many"),
        (lambda: env.number(NAME, 1), "nan"),
        (lambda: env.whole(NAME, 1), "inf"),
        (lambda: env.whole(NAME, 1), "1.5"),
        (lambda: env.seconds(NAME, 1), "-1"),
        (lambda: env.seconds(NAME, 1), "1e300"),
        (lambda: env.flag(NAME, default=True), "perhaps"),
        (lambda: env.url(NAME), "example.org"),
        (lambda: env.url(NAME), "ftp://example.org"),
        (lambda: env.url(NAME), "https://"),
        (lambda: env.url(NAME), "https://:80"),
        (lambda: env.url(NAME), "https://[::1"),
        (lambda: env.url(NAME), "https://example.org:port"),
        (lambda: env.pairs(NAME), "a"),
        (lambda: env.pairs(NAME), "=b"),
        (lambda: env.url(NAME), ""),
    ],
)
def test_a_bad_value_stops_the_start_with_its_name(read: Callable[[], object], value: str | None) -> None:
    with variable(value), pytest.raises(BadSetting, match=NAME):
        read()


def test_a_secret_lives_in_a_file_and_wins_over_the_variable(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from the file\n")
    with variable("from the variable", file=str(path)):
        assert env.secret(NAME) == "from the file"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00planted", None])
def test_a_file_of_no_use_is_named_without_its_content(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with variable("planted", file=str(path)), pytest.raises(BadSetting, match=f"{NAME}_FILE") as caught:
        env.secret(NAME)
    assert "planted" not in str(caught.value)


def test_a_bad_address_is_not_repeated_since_it_may_hold_a_password() -> None:
    with variable("ftp://user:planted@example.org"), pytest.raises(BadSetting) as caught:
        env.url(NAME)
    assert "planted" not in str(caught.value)
