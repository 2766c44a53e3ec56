"""Deliveries are believed by their signature only."""

import pytest

from apps.webhooks.signatures import is_signed, sign

SECRET = b"It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_the_published_example_is_right() -> None:
    assert sign(BODY, SECRET) == SIGNATURE
    assert is_signed(BODY, SIGNATURE, [SECRET])


def test_one_of_several_secrets_is_enough() -> None:
    assert is_signed(BODY, SIGNATURE, [b"the new one", SECRET])


@pytest.mark.parametrize(
    "signature",
    [
        "",
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE.upper(),
        SIGNATURE.removeprefix("sha256="),
        "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59",
        "sha256=",
        "sha256=\udcff",
    ],
)
def test_anything_else_is_refused(signature: str) -> None:
    assert not is_signed(BODY, signature, [SECRET])


def test_a_changed_byte_is_refused() -> None:
    assert not is_signed(BODY + b" ", SIGNATURE, [SECRET])


def test_without_a_secret_nothing_is_believed() -> None:
    assert not is_signed(BODY, sign(BODY, b""), [])
