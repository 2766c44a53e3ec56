"""Ports that the launcher and the tests choose for their servers."""

import socket

from deploy.local.ports import LOOPBACK, free_port, is_free

DRAWN = 60


def test_a_port_is_given_to_nobody_else_before_its_server_listens() -> None:
    ports = [free_port() for _ in range(DRAWN)]
    assert len(set(ports)) == DRAWN


def test_a_server_may_listen_on_its_port_at_once() -> None:
    port = free_port()
    assert is_free(port)
    with socket.create_server((LOOPBACK, port)):
        assert not is_free(port)
