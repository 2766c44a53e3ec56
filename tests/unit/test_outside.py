"""Which addresses are outside, and that nothing else is reached."""

import httpx
import pytest

from meshsix.integrations.errors import Refused, TryLater
from meshsix.integrations.outside import Outside, is_public


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address that must be refused
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "2002:a00:1::",
        "64:ff9b::a00:1",
    ],
)
def test_addresses_inside_are_not_however_they_are_written(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/x", "https://localhost/x", "https://[::1]:8443/x", "https://2130706433/x", "http://1.1.1.1/x"],
)
def test_nothing_inside_and_nothing_without_tls_is_reached(url: str) -> None:
    with httpx.Client(transport=Outside(vendor="chat", tls_only=True, hint="h")) as client:
        with pytest.raises(Refused) as caught:
            client.get(url)
        assert (caught.value.code, "/x" in str(caught.value)) == ("chat:not-allowed", False)


def test_a_name_that_nobody_knows_means_later() -> None:
    with (
        httpx.Client(transport=Outside(vendor="chat", tls_only=True, hint="")) as client,
        pytest.raises(TryLater),
    ):
        client.get("https://nobody.invalid/")
