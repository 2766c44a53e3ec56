"""Bodies that are too large are refused in front of Django, whether or not they say how large they are."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from tests.web_process import WebProcess

pytestmark = pytest.mark.django_db(transaction=True)
MEBIBYTE = 1024 * 1024


def chunks(mebibytes: int) -> Iterator[bytes]:
    for _ in range(mebibytes):
        yield b"x" * MEBIBYTE


def test_a_body_without_a_length_is_taken_up_to_the_limit_of_its_path(web: WebProcess) -> None:
    status = {}
    hook = "/webhooks/github/x"
    for path, mebibytes in [("/api/onboard", 2), ("/sign-in", 2), (hook, 2), (hook, 26)]:
        answer = httpx2.post(f"{web.http}{path}", content=chunks(mebibytes), timeout=60)
        status[path, mebibytes] = answer.status_code
        if answer.status_code == 413:
            document = json.loads(answer.content)
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert (document["code"], document["request_id"]) == ("too_large", answer.headers["X-Request-ID"])
    assert status == {
        ("/api/onboard", 2): 413,
        ("/sign-in", 2): 413,
        ("/webhooks/github/x", 2): 401,
        ("/webhooks/github/x", 26): 413,
    }


def test_a_declared_length_beyond_the_limit_is_refused_before_any_is_read(web: WebProcess) -> None:
    answer = httpx2.post(
        f"{web.http}/sign-in", headers={"Content-Length": str(2 * MEBIBYTE)}, content=chunks(2), timeout=60
    )
    assert answer.status_code == 413
    assert answer.headers["Connection"] == "close"
