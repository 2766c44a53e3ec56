"""Ports that the launcher and the tests choose for their servers."""

import socket
from itertools import islice

import pytest

from deploy.local.errors import CannotStart
from deploy.local.ports import LOOPBACK, claim, free_port, is_free

BELOW_THE_USUAL = range(15000, 20000)


def two_free() -> list[int]:
    """Return two ports of which nobody else draws."""
    return list(islice(filter(is_free, BELOW_THE_USUAL), 2))


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
