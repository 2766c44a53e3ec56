"""Ports that the launcher and the tests choose for their servers."""

import random
import socket
from contextlib import suppress
from itertools import islice

import pytest

from deploy.local.errors import CannotStart
from deploy.local.ports import LOOPBACK, claim, free_port, is_free

BELOW_THE_USUAL = range(15000, 20000)


def two_free() -> list[int]:
    """Return two ports that nobody has, nor has marked, now."""
    found = filter(unmarked, filter(is_free, random.sample(BELOW_THE_USUAL, len(BELOW_THE_USUAL))))
    return sorted(islice(found, 2))


def unmarked(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as mark, suppress(OSError):
        mark.bind((LOOPBACK, port))
        return True
    return False


def test_a_port_is_given_to_nobody_else_before_its_server_listens() -> None:
    ports = two_free()
    assert sorted(free_port(ports) for _ in ports) == ports
    with pytest.raises(CannotStart, match=f"No port from {ports[0]} to {ports[1]}"):
        free_port(ports)


def test_a_port_is_this_process_s_again_once_its_server_has_stopped() -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, port)):
        pass
    assert claim(port)


def test_another_process_sees_the_mark() -> None:
    port = free_port()
    with socket.socket(type=socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
        other.bind((LOOPBACK, port))


def test_a_server_may_listen_on_its_port_at_once_and_nobody_else_then_claims_it() -> None:
    port = free_port()
    assert is_free(port)
    with socket.create_server((LOOPBACK, port)):
        assert not is_free(port)
        assert not claim(port)
