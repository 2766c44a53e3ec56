"""What must not be shown is masked; what people need to read is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsix import env
from meshsix.kit import redact
from meshsix.kit.redact import MASK

LETTERS = "aB3" * 20
SECRETS = [
    f"ghp_{LETTERS[:36]}",
    f"ghs_{LETTERS[:36]}",
    f"github_pat_11A_{LETTERS}",
    f"sk-ant-oat01-{LETTERS}",
    f"sk-{LETTERS[:24]}",
    f"hvs.{LETTERS[:24]}",
    f"hvb.{LETTERS}",
    f"s.{LETTERS[:24]}",
    f"m6_{'0' * 32}_{LETTERS[:43]}",
    f"eyJhbGciOiJIUzI1NiJ9.{LETTERS}.{LETTERS}",
]
PLACES = [
    "{}",
    "token {}",
    '"{}"',
    "https://{}@example.org/o/r",
    "Authorization: Bearer {}",
    "x={}&y=1",
    "a\n{}\nb",
    "({})",
]
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nAAAA\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_wherever_it_stands(secret: str, place: str) -> None:
    masked = redact.text(place.format(secret))
    assert secret not in masked
    assert MASK in masked
    assert LETTERS[:12] not in masked


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://x-access-token:hunter22@example.org/o/r", "hunter22"),
        ("redis://:hunter22@localhost", "hunter22"),
        ("Authorization: Basic dXNlcjpodW50ZXIyMg==", "dXNlcjpodW50ZXIyMg"),
        ("authorization: BEARER abcdefghijklmnop", "abcdefghijklmnop"),
        ("POSTGRES_PASSWORD=hunter22hunter", "hunter22hunter"),
        ("?client_secret=abcdefghij&x=1", "abcdefghij"),
        ("api-key='abcdefghij'", "abcdefghij"),
        (f"before {KEY} after", "MIIEpAIBAAKCAQEA"),
        (KEY[:60], "MIIE"),
    ],
)
def test_a_secret_is_known_by_its_surroundings(text: str, secret: str) -> None:
    masked = redact.text(text)
    assert secret not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "env-octo-org-task-runner-service-12345678",
        "disk-management-and-more",
        "weighs_a_lot_of_kilograms_today",
        "ssh://git@example.org/o/r",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "the token has expired, renew GITHUB_TOKEN",
        "files.abcdefghijklmnopqrstuvwxyz",
        "mesh-six/webhooks/octo-org/bookmarks",
        "019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b",
    ],
)
def test_what_people_need_to_read_stays(text: str) -> None:
    assert redact.text(text) == text


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = redact.text(text)
    assert redact.text(once) == once


@pytest.mark.parametrize(
    "key",
    ["password", "DB_PASSWORD", "client_secret", "access_token", "tokens", "api_key", "apiKey", "x-api-key",
     "Authorization", "private_key", "private-key", "Set-Cookie", "code_verifier", "passphrase"],
)  # fmt: skip
def test_what_stands_under_a_telling_key_is_masked(key: str) -> None:
    assert redact.structure({key: "plain"}) == {key: MASK}
    assert redact.structure({"a": [{key: ["plain", "other"]}]}) == {"a": [{key: [MASK, MASK]}]}
    assert redact.structure({key: b"plain"}) == {key: MASK}


@pytest.mark.parametrize("key", ["secret_path", "token_id", "credential_id", "max_budget", "key_path", "fingerprint"])
def test_references_and_facts_stay(key: str) -> None:
    assert redact.structure({key: "mesh-six/x"}) == {key: "mesh-six/x"}


def test_numbers_objects_and_nothing_stay_what_they_are() -> None:
    value = {
        "max_tokens": 100,
        "token": None,
        "credential": {"kind": "oauth", "token": "x"},
        "password": "",
        "ok": True,
    }
    assert redact.structure(value) == {
        "max_tokens": 100,
        "token": None,
        "credential": {"kind": "oauth", "token": MASK},
        "password": "",
        "ok": True,
    }


def test_bytes_are_read_as_text() -> None:
    assert redact.structure([f"x {SECRETS[0]}".encode()]) == [f"x {MASK}"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=10,
    )
)
def test_a_planted_secret_never_survives_in_a_structure(value: object) -> None:
    planted = {"a": value, "b": [{"c": f"say {SECRETS[0]}"}]}
    assert SECRETS[0] not in json.dumps(redact.structure(planted))


def test_secrets_of_our_own_configuration_are_masked_whatever_they_look_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", "plain words of ours")
    monkeypatch.setenv("PLANTED_URL", "redis://:its-password@127.0.0.1:1/0")
    monkeypatch.setenv("PLANTED_SHORT", "short")
    env.secret("PLANTED")
    env.secret("PLANTED_URL")
    env.secret("PLANTED_SHORT")
    assert redact.text("You sent plain words of ours!") == f"You sent {MASK}!"
    assert redact.text("AUTH its-password") == f"AUTH {MASK}"
    assert redact.text("a short text") == "a short text"
